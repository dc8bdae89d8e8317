#include "fs/base/memory_pressure.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <new>
#include <vector>

#include "fs/base/descriptor.h"

namespace scratchfs::base {

namespace {

using namespace std::chrono_literals;

// Stalls of any task ("some"), stall and window in microseconds. Without CAP_SYS_RESOURCE the
// kernel accepts only windows that are a multiple of two seconds.
constexpr auto kTriggers =
    std::to_array<const char*>({"some 100000 1000000", "some 200000 2000000"});
constexpr auto kBetweenLooks = 1000ms;

// Returns a descriptor that reports POLLPRI when the trigger fires, or an invalid one if the file
// supports no triggers.
Descriptor open_trigger(const std::string& path) {
  for (const char* trigger : kTriggers) {
    Descriptor file(::open(path.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC));
    if (!file.valid()) return file;
    // The kernel expects the terminating null, too.
    if (::write(file.get(), trigger, std::strlen(trigger) + 1) > 0) return file;
  }
  return Descriptor();
}

// Returns the pressure file of this process's own cgroup, or nothing if that is the root of the
// hierarchy.
std::string group_pressure(const std::string& root) {
  std::ifstream file(root + "/proc/self/cgroup");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("0::/") && line.size() > 4)
      return root + "/sys/fs/cgroup" + line.substr(3) + "/memory.pressure";
  }
  return {};
}

class SystemPressure final : public MemoryPressure {
 public:
  SystemPressure(Descriptor stop, std::string root)
      : stop_(std::move(stop)), root_(std::move(root)) {
    for (const std::string& path : {root_ + "/proc/pressure/memory", group_pressure(root_)}) {
      if (path.empty()) continue;
      if (Descriptor trigger = open_trigger(path); trigger.valid())
        triggers_.push_back(std::move(trigger));
    }
  }

  bool wait(std::optional<std::chrono::milliseconds> timeout) override {
    const auto until = std::chrono::steady_clock::now() + timeout.value_or(0ms);
    while (true) {
      const auto left =
          std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
      if (timeout && left <= 0ms) return false;
      const Woken woken = poll_once(timeout ? std::optional(left) : std::nullopt);
      if (woken == Woken::by_stop) return false;
      if (woken == Woken::by_trigger || (!is_told() && is_short_of_memory(root_))) return true;
    }
  }

  void stop() override { ::eventfd_write(stop_.get(), 1); }

 private:
  static constexpr std::size_t kMostTriggers = 2;  // the machine's and the group's
  enum class Woken : std::uint8_t { by_nothing, by_trigger, by_stop };

  bool is_told() const { return !triggers_.empty(); }

  Woken poll_once(std::optional<std::chrono::milliseconds> timeout) {
    if (!is_told()) timeout = std::min(timeout.value_or(kBetweenLooks), kBetweenLooks);
    // On the stack, because this runs when memory is short.
    std::array<pollfd, 1 + kMostTriggers> watched{{{stop_.get(), POLLIN, 0}}};
    for (std::size_t i = 0; i < triggers_.size(); ++i)
      watched[i + 1] = {triggers_[i].get(), POLLPRI, 0};
    const int limit = timeout ? static_cast<int>(timeout->count()) : -1;
    if (::poll(watched.data(), 1 + triggers_.size(), limit) <= 0) return Woken::by_nothing;
    if ((watched.front().revents & POLLIN) != 0) return Woken::by_stop;
    bool urgent = false;
    for (std::size_t i = triggers_.size(); i-- > 0;) {
      const short events = watched[i + 1].revents;
      if ((events & POLLERR) != 0) {  // the control group is gone
        triggers_.erase(triggers_.begin() + static_cast<std::ptrdiff_t>(i));
      } else if ((events & POLLPRI) != 0) {
        urgent = true;
      }
    }
    return urgent ? Woken::by_trigger : Woken::by_nothing;
  }

  const Descriptor stop_;  // eventfd(2)
  const std::string root_;
  std::vector<Descriptor> triggers_;
};

// Reads the meminfo file of proc(5).
bool tells_of_shortage(const std::string& path) {
  std::ifstream file(path);
  std::uint64_t total = 0;
  std::uint64_t available = 0;
  for (std::string word; file >> word;) {
    if (word == "MemTotal:") file >> total;
    if (word == "MemAvailable:") {
      file >> available;
      return available < total / 10;
    }
  }
  return false;
}

}  // namespace

std::unique_ptr<MemoryPressure> system_memory_pressure(const std::string& root) {
  Descriptor stop(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!stop.valid()) return nullptr;
  return std::make_unique<SystemPressure>(std::move(stop), root);
}

bool is_short_of_memory(const std::string& root) {
  try {
    return tells_of_shortage(root + "/proc/meminfo");
  } catch (const std::bad_alloc&) {
    return true;  // no memory to check with: it is short
  }
}

}  // namespace scratchfs::base

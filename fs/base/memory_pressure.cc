#include "fs/base/memory_pressure.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <vector>

namespace scratchfs::base {

namespace {

using namespace std::chrono_literals;

// Waits of any task; without CAP_SYS_RESOURCE the kernel takes windows of whole two seconds only.
constexpr auto kTriggers =
    std::to_array<const char*>({"some 100000 1000000", "some 200000 2000000"});
constexpr auto kBetweenLooks = 1000ms;

// A descriptor that poll(2) finds urgent when the trigger fires; -1: this file has none.
int open_trigger(const std::string& path) {
  for (const char* trigger : kTriggers) {
    const int file = ::open(path.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (file < 0) return -1;
    // The terminating null is part of it.
    if (::write(file, trigger, std::strlen(trigger) + 1) > 0) return file;
    ::close(file);
  }
  return -1;
}

// This process's own group, where it is below the root of the hierarchy.
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
  SystemPressure(int stop, std::string root) : stop_(stop), root_(std::move(root)) {
    watched_.push_back({stop, POLLIN, 0});
    for (const std::string& path : {root_ + "/proc/pressure/memory", group_pressure(root_)}) {
      if (const int trigger = path.empty() ? -1 : open_trigger(path); trigger >= 0)
        watched_.push_back({trigger, POLLPRI, 0});
    }
  }
  ~SystemPressure() override {
    for (const pollfd& watched : watched_) ::close(watched.fd);
  }
  SystemPressure(const SystemPressure&) = delete;
  SystemPressure& operator=(const SystemPressure&) = delete;

  bool wait(std::optional<std::chrono::milliseconds> patience) override {
    const auto until = std::chrono::steady_clock::now() + patience.value_or(0ms);
    while (true) {
      const auto left =
          std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
      if (patience && left <= 0ms) return false;
      const bool urgent = poll_once(patience ? std::optional(left) : std::nullopt);
      if ((watched_.front().revents & POLLIN) != 0) return false;
      if (urgent || (!is_told() && is_short_of_memory(root_))) return true;
    }
  }

  void stop() override { ::eventfd_write(stop_, 1); }

 private:
  bool is_told() const { return watched_.size() > 1; }

  // True: a trigger has fired.
  bool poll_once(std::optional<std::chrono::milliseconds> patience) {
    if (!is_told()) patience = std::min(patience.value_or(kBetweenLooks), kBetweenLooks);
    const int timeout = patience ? static_cast<int>(patience->count()) : -1;
    if (::poll(watched_.data(), watched_.size(), timeout) <= 0) {
      for (pollfd& watched : watched_) watched.revents = 0;
      return false;
    }
    bool urgent = false;
    for (std::size_t i = watched_.size(); i-- > 1;) {
      if ((watched_[i].revents & POLLERR) != 0) {  // the control group is gone
        ::close(watched_[i].fd);
        watched_.erase(watched_.begin() + static_cast<std::ptrdiff_t>(i));
      } else if ((watched_[i].revents & POLLPRI) != 0) {
        urgent = true;
      }
    }
    return urgent;
  }

  const int stop_;
  const std::string root_;
  std::vector<pollfd> watched_;  // the first: stop_
};

}  // namespace

std::unique_ptr<MemoryPressure> system_memory_pressure(const std::string& root) {
  const int stop = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (stop < 0) return nullptr;
  return std::make_unique<SystemPressure>(stop, root);
}

bool is_short_of_memory(const std::string& root) {
  std::ifstream file(root + "/proc/meminfo");
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

}  // namespace scratchfs::base

#include "fs/kernel/transport/request_thread.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <string_view>
#include <thread>

#include "fs/base/descriptor.h"

namespace scratchfs::kernel {

namespace {

constexpr std::chrono::microseconds kBetweenLooks{50};

// Returns the state from /proc/PID/stat (proc(5)), which follows the name in parentheses; '?' if it
// cannot be read.
char state_of(pid_t thread) {
  std::array<char, 128> buffer{};
  std::snprintf(buffer.data(), buffer.size(), "/proc/self/task/%d/stat", thread);
  const base::Descriptor file(open(buffer.data(), O_RDONLY | O_CLOEXEC));
  const ssize_t got = read(file.get(), buffer.data(), buffer.size());
  const std::string_view text(buffer.data(), got > 0 ? static_cast<std::size_t>(got) : 0);
  const auto name_end = text.rfind(") ");
  return name_end == std::string_view::npos || name_end + 2 >= text.size() ? '?'
                                                                           : text[name_end + 2];
}

}  // namespace

RequestThread::RequestThread() : thread_(gettid()) {}

bool RequestThread::is_idle() const {
  return waiting_.load(std::memory_order_acquire) && state_of(thread_) == 'S' &&
         waiting_.load(std::memory_order_acquire);
}

bool RequestThread::was_idle_by(std::chrono::steady_clock::time_point deadline) const {
  while (!is_idle()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(kBetweenLooks);
  }
  return true;
}

}  // namespace scratchfs::kernel

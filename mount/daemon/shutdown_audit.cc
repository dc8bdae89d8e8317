#include "mount/daemon/shutdown_audit.h"

#include <thread>

namespace scratchfs::mount {

namespace {

constexpr std::chrono::milliseconds kBetweenLooks{20};

}  // namespace

std::vector<std::string> settled_differences(const std::function<bool()>& is_busy,
                                             const std::function<std::vector<std::string>()>& audit,
                                             std::chrono::milliseconds timeout) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  for (;;) {
    const bool is_last = std::chrono::steady_clock::now() >= deadline;
    if (is_last || !is_busy()) {
      auto differences = audit();
      if (is_last || differences.empty()) return differences;
    }
    std::this_thread::sleep_for(kBetweenLooks);
  }
}

}  // namespace scratchfs::mount

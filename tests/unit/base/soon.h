// Waits for a condition that other threads bring about.
#pragma once

#include <chrono>
#include <thread>

namespace scratchfs {

// Polls `condition`; returns whether it becomes true within `bound`, whose default is long enough
// for a loaded machine.
template <typename Condition>
bool soon(Condition condition, std::chrono::seconds bound = std::chrono::seconds(20)) {
  const auto until = std::chrono::steady_clock::now() + bound;
  while (std::chrono::steady_clock::now() < until) {
    if (condition()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return condition();
}

}  // namespace scratchfs

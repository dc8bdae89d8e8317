// What a background thread does where there is no memory for its work.
#pragma once

#include <spdlog/spdlog.h>

#include <chrono>
#include <new>
#include <thread>

#include "fs/base/log_limiter.h"

namespace scratchfs::base {

// Says so, now and then, and lets it try again a moment later; without it the daemon would end, and
// every file with it. Thread-safe.
class MemoryShortage {
 public:
  // `whose`: what waits for memory, a literal.
  explicit MemoryShortage(const char* whose) : whose_(whose) {}

  // Runs `work`. False: it threw bad_alloc, and a moment has passed. What it had begun must be
  // such that another call goes on with it.
  template <typename Work>
  bool survives(Work&& work) {
    try {
      work();
      return true;
    } catch (const std::bad_alloc&) {
    }
    if (const auto omitted = log_.admit())
      spdlog::error("no memory for {}; trying again{}", whose_, and_more(*omitted));
    std::this_thread::sleep_for(kPause);
    return false;
  }

 private:
  static constexpr std::chrono::milliseconds kPause{50};

  const char* const whose_;
  LogLimiter log_{std::chrono::seconds(60)};
};

}  // namespace scratchfs::base

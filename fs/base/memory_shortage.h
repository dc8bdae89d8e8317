// How background threads handle std::bad_alloc.
#pragma once

#include <chrono>
#include <new>
#include <thread>

#include "fs/base/log.h"
#include "fs/base/log_limiter.h"

namespace scratchfs::base {

// Logs a memory shortage (rate-limited) and lets the thread retry a moment later. Without this the
// exception would end the daemon and wipe every file. Thread-safe.
class MemoryShortage {
 public:
  // `whose` names the work that lacks memory in the log; a literal.
  explicit MemoryShortage(const char* whose) : whose_(whose) {}

  // Runs `work`. Returns false if it threw bad_alloc, after a short pause. A later call must be
  // able to continue what `work` had begun.
  template <typename Work>
  bool survives(Work&& work) {
    try {
      work();
      return true;
    } catch (const std::bad_alloc&) {
    }
    log::limited(log_, log::Level::error, "no memory for {}; trying again", whose_);
    std::this_thread::sleep_for(kPause);
    return false;
  }

 private:
  static constexpr std::chrono::milliseconds kPause{50};

  const char* const whose_;
  LogLimiter log_{std::chrono::seconds(60)};
};

}  // namespace scratchfs::base

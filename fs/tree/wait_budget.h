// How long look-ups may wait in vain, for what one user closes and for what all do.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <unordered_map>

#include "fs/base/mutex.h"

namespace scratchfs::tree {

// A user's files can look like closing while they are not: each close of a duplicate descriptor
// does it. Who looks one up waits then, in a worker that all share and perhaps with the directory's
// lock in the kernel. So waits that were in vain are added up, and paid off as time goes by; whose
// debt is above the limit has no more of them until it is below again. Times are the steady
// clock's. Thread-safe; its mutex is a leaf.
class WaitBudget {
 public:
  using Clock = std::chrono::steady_clock;

  // What may be owed before it is enough, for one user's files and for those of all; a tenth of it
  // is paid off each second.
  static constexpr std::chrono::milliseconds kOfOne{1000};
  static constexpr std::chrono::milliseconds kOfAll{2000};

  bool has_left(uid_t owner, Clock::time_point now) const EXCLUDES(mutex_);
  void spend(uid_t owner, Clock::duration in_vain, Clock::time_point now) EXCLUDES(mutex_);

 private:
  class Debt {
   public:
    Clock::duration owed(Clock::time_point now, Clock::duration limit) const;
    void add(Clock::duration more, Clock::time_point now, Clock::duration limit);

   private:
    Clock::duration owed_{};
    Clock::time_point since_{};
  };
  static constexpr std::size_t kForgetFrom = 1024;  // users, when those without debt are dropped

  mutable base::Mutex mutex_;
  Debt all_ GUARDED_BY(mutex_);
  std::unordered_map<uid_t, Debt> users_ GUARDED_BY(mutex_);  // that owe something
};

}  // namespace scratchfs::tree

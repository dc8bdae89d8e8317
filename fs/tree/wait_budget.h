// WaitBudget: limits the time that lookups spend on unnecessary waits, per owner of files and in
// total.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <unordered_map>

#include "fs/base/mutex.h"

namespace scratchfs::tree {

// A user's files can seem to be closing although they are not: each close of a duplicate descriptor
// has this effect. A lookup of such a file then waits, in a worker shared by all users and perhaps
// with the directory locked in the kernel. So unnecessary waits are added up as a debt that
// decreases with time; while an owner's debt is at its limit or above, their files are not waited
// for. Times are those of the steady clock. Thread-safe; its mutex is a leaf.
class WaitBudget {
 public:
  using Clock = std::chrono::steady_clock;

  // The limits of the debt of one owner and of all together. A tenth of the limit is paid off each
  // second.
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
  // From this number of users on, those without debt are dropped.
  static constexpr std::size_t kForgetFrom = 1024;

  mutable base::Mutex mutex_;
  Debt all_ GUARDED_BY(mutex_);
  std::unordered_map<uid_t, Debt> users_ GUARDED_BY(mutex_);  // those with a debt
};

}  // namespace scratchfs::tree

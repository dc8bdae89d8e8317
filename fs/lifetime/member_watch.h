// Watches groups of processes and tells when one has no living member left.
#pragma once

#include <atomic>
#include <chrono>
#include <thread>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "fs/base/log_limiter.h"
#include "fs/base/memory_shortage.h"
#include "fs/base/mutex.h"
#include "fs/lifetime/claimant.h"
#include "fs/lifetime/membership.h"

namespace scratchfs::tree {

// One living member of each group is watched through a pidfd (pidfd_open(2)). When it ends, the
// kernel is asked whether the group is over; only where that is unclear, one look through /proc
// finds the next member for all groups in question. A look can miss a process that is started and
// a parent that ends meanwhile, so a group counts as over only when two looks in a row see nobody
// but the same dead members. A member that leaves its group alive (setsid(2), setuid(2)) tells
// nobody, so one that could is asked twice a second whether it is still there.
class MemberWatch {
 public:
  // `membership` outlives the watch. `own` are processes that count nowhere: the daemon's.
  MemberWatch(const Membership& membership, std::vector<pid_t> own);
  ~MemberWatch();
  MemberWatch(const MemberWatch&) = delete;
  MemberWatch& operator=(const MemberWatch&) = delete;

  // As ClaimantKind's.
  void watch(ClaimantKey group, pid_t pid) EXCLUDES(mutex_);
  void start(ClaimantEvents events);
  void stop();

  // Looks through /proc so far.
  std::uint64_t looks() const { return looks_; }

 private:
  using Clock = std::chrono::steady_clock;
  struct Group {
    int member = -1;          // pidfd; -1: none is watched, and the group is in unwatched_
    pid_t pid = 0;            // whose it is
    bool seen_dead = false;   // by the look before: nobody lives
    std::vector<pid_t> dead;  // and these were there
    bool unseen = false;      // it exists, but no look can show its members
  };
  struct Question {
    ClaimantKey group;
    std::uint64_t claims;  // before the kernel and /proc were asked
    std::vector<Process> living;
    std::vector<pid_t> dead;  // zombies, and such as count nowhere
  };

  void run();
  std::chrono::milliseconds round(std::chrono::milliseconds patience) EXCLUDES(mutex_);
  bool gather(std::chrono::milliseconds patience, bool forever) EXCLUDES(mutex_);
  void member_ended(ClaimantKey group) EXCLUDES(mutex_);
  void ask_those_who_may_leave() EXCLUDES(mutex_);
  std::chrono::milliseconds settle() EXCLUDES(mutex_);
  bool look(std::vector<Question>& questions) EXCLUDES(mutex_);
  bool conclude(const Question& question, bool hidden) EXCLUDES(mutex_);
  void end(const Question& question) EXCLUDES(mutex_);
  void ask_again(ClaimantKey group) EXCLUDES(mutex_);
  bool watch_member(ClaimantKey group, pid_t pid) EXCLUDES(mutex_);
  bool is_own(pid_t pid) const;
  void wake();

  const Membership& membership_;
  const std::vector<pid_t> own_;
  ClaimantEvents events_;
  int epoll_ = -1;
  int wake_ = -1;
  std::atomic<bool> stopping_ = false;
  std::atomic<std::uint64_t> looks_ = 0;
  base::Mutex mutex_;
  std::unordered_map<ClaimantKey, Group> groups_ GUARDED_BY(mutex_);
  std::unordered_set<ClaimantKey> unwatched_ GUARDED_BY(mutex_);
  std::unordered_set<ClaimantKey> may_lose_
      GUARDED_BY(mutex_);    // watched through one who may leave
  Clock::time_point asked_;  // the thread's own
  base::LogLimiter log_{std::chrono::seconds(10)};
  base::MemoryShortage shortage_{"watching who claims"};
  std::thread thread_;
};

}  // namespace scratchfs::tree

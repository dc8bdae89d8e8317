// Watches groups of processes and reports when a group has no living member left.
#pragma once

#include <atomic>
#include <chrono>
#include <thread>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "fs/base/descriptor.h"
#include "fs/base/log_limiter.h"
#include "fs/base/memory_shortage.h"
#include "fs/base/mutex.h"
#include "fs/lifetime/claimant.h"
#include "fs/lifetime/membership.h"

namespace scratchfs::lifetime {

// Watches one living member of each group through a pidfd (pidfd_open(2)). When it ends, the kernel
// is asked whether the group is over; only if that is unclear, one scan of /proc finds the next
// member for all such groups. A scan can miss a child that starts while it runs, and find the
// parent dead, so a group counts as over only when two scans in a row find nobody but the same dead
// members. A member that leaves its group alive (setsid(2), setuid(2)) causes no event, so a member
// that could leave is checked twice a second.
class MemberWatch {
 public:
  // `membership` outlives the watch. `own` lists the daemon's processes, which count nowhere.
  MemberWatch(const Membership& membership, std::vector<pid_t> own);
  ~MemberWatch() { stop(); }
  MemberWatch(const MemberWatch&) = delete;
  MemberWatch& operator=(const MemberWatch&) = delete;

  // See ClaimantKind.
  void watch(ClaimantKey group, pid_t pid) EXCLUDES(mutex_);
  void start(ClaimantEvents events);
  void stop();

  // The number of scans of /proc so far.
  std::uint64_t looks() const { return looks_; }

 private:
  using Clock = std::chrono::steady_clock;
  struct Group {
    // A pidfd; not valid: no member is watched, and the group is in unwatched_.
    base::Descriptor member{-1};
    pid_t pid = 0;            // of `member`
    bool seen_dead = false;   // the last scan found nobody alive,
    std::vector<pid_t> dead;  // but these
    bool unseen = false;      // the group exists, but no scan can show its members
  };
  struct Question {
    ClaimantKey group;
    std::uint64_t claims;  // read before the kernel and /proc are asked
    std::vector<Process> living;
    std::vector<pid_t> dead;  // zombies, and processes of our own
  };

  void run();
  std::chrono::milliseconds round(std::chrono::milliseconds timeout) EXCLUDES(mutex_);
  bool gather(std::chrono::milliseconds timeout, bool forever) EXCLUDES(mutex_);
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
  const base::Descriptor epoll_;
  const base::Descriptor wake_;  // eventfd(2)
  std::atomic<bool> stopping_ = false;
  std::atomic<std::uint64_t> looks_ = 0;
  base::Mutex mutex_;
  std::unordered_map<ClaimantKey, Group> groups_ GUARDED_BY(mutex_);
  std::unordered_set<ClaimantKey> unwatched_ GUARDED_BY(mutex_);
  // Groups whose watched member may leave them alive.
  std::unordered_set<ClaimantKey> may_lose_ GUARDED_BY(mutex_);
  Clock::time_point asked_;  // used only by the thread
  base::LogLimiter log_{std::chrono::seconds(10)};
  base::MemoryShortage shortage_{"watching claimants"};
  std::thread thread_;
};

}  // namespace scratchfs::lifetime

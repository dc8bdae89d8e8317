// Claims for POSIX sessions: a session lasts while any process is in it that is not a zombie.
#pragma once

#include <atomic>
#include <functional>
#include <string>
#include <thread>
#include <unordered_map>

#include "fs/base/mutex.h"
#include "fs/base/result.h"
#include "fs/tree/claimant.h"

namespace scratchfs::tree {

// Watches one living member of each session through a pidfd (pidfd_open(2)); when that member ends,
// looks through /proc for another, until there is none. Reads only `stat` files there: they never
// wait for a lock of the process.
class SessionClaimants : public ClaimantKind {
 public:
  SessionClaimants();
  ~SessionClaimants() override;
  SessionClaimants(const SessionClaimants&) = delete;
  SessionClaimants& operator=(const SessionClaimants&) = delete;

  Identity identify(pid_t pid) override;
  std::string describe(ClaimantKey session) override {
    return "session " + std::to_string(session);
  }
  std::vector<std::string> describe_now(std::span<const ClaimantKey> sessions) override;
  void watch(ClaimantKey session, pid_t pid) override;
  void on_ended(Ended ended) override;
  void stop() override;

 private:
  void run();
  void member_ended(ClaimantKey session);
  // Watches `pid`; false when it is not a living process that can be watched.
  bool watch_member(ClaimantKey session, pid_t pid);
  void retry_later(ClaimantKey session);
  void retry_all();

  Ended ended_;
  int epoll_ = -1;
  int wake_ = -1;
  std::atomic<bool> stopping_ = false;
  base::Mutex mutex_;
  std::unordered_map<ClaimantKey, int> members_
      GUARDED_BY(mutex_);  // the pidfd watched; -1: ask again soon
  std::thread thread_;
};

}  // namespace scratchfs::tree

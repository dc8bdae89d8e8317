// Claimants that are groups of processes: sessions, processes, users.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "fs/base/shared_look.h"
#include "fs/lifetime/claimant.h"
#include "fs/lifetime/member_watch.h"
#include "fs/lifetime/membership.h"

namespace scratchfs::lifetime {

class MemberClaimants final : public ClaimantKind {
 public:
  // `own` lists the daemon's processes, which hold nothing.
  explicit MemberClaimants(std::unique_ptr<Membership> membership, std::vector<pid_t> own = {});

  Identity identify(const base::Caller& caller, base::Wait /*wait*/) override {
    return membership_->identify(caller);
  }
  std::string describe(ClaimantKey key, pid_t /*pid*/) override {
    return membership_->describe(key);
  }
  // Uses one scan of /proc for as long as it is younger than kRest times the time it took.
  std::vector<std::string> describe_now(std::span<const ClaimantKey> keys) override;
  void watch(ClaimantKey key, pid_t pid) override { watch_.watch(key, pid); }
  void start(ClaimantEvents events) override { watch_.start(std::move(events)); }
  void stop() override { watch_.stop(); }

  // For tests: the scans of /proc that the ends of members made necessary.
  std::uint64_t looks() const { return watch_.looks(); }

 private:
  struct Members {
    std::size_t count = 0;
    // The process that started first: a session's leader, while it lives.
    Process oldest{};
  };
  using Groups = std::unordered_map<ClaimantKey, Members>;
  // describe_now() spends at most one part in kRest of a core on scanning /proc.
  static constexpr int kRest = 20;

  Groups look_at_all() const;
  static std::string with_members(std::string words, const Groups& groups, ClaimantKey key);

  const std::unique_ptr<Membership> membership_;
  base::SharedLook<Groups> groups_{[this] { return look_at_all(); }, kRest};
  MemberWatch watch_;
};

}  // namespace scratchfs::lifetime

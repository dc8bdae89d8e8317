// Claims for groups of processes: sessions, processes, users.
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

namespace scratchfs::tree {

class MemberClaimants final : public ClaimantKind {
 public:
  // `own` are processes that hold nothing: the daemon's.
  explicit MemberClaimants(std::unique_ptr<Membership> membership, std::vector<pid_t> own = {});

  Identity identify(const base::Caller& caller, base::Wait /*wait*/) override {
    return membership_->identify(caller);
  }
  std::string describe(ClaimantKey key, pid_t /*pid*/) override {
    return membership_->describe(key);
  }
  // As of a look through /proc that is younger than twenty times what it took.
  std::vector<std::string> describe_now(std::span<const ClaimantKey> keys) override;
  void watch(ClaimantKey key, pid_t pid) override { watch_.watch(key, pid); }
  void start(ClaimantEvents events) override { watch_.start(std::move(events)); }
  void stop() override { watch_.stop(); }

  // For tests: looks through /proc that ends have made necessary.
  std::uint64_t looks() const { return watch_.looks(); }

 private:
  struct Members {
    std::size_t count = 0;
    Process oldest{};  // a session's leader, where it still lives
  };
  using Groups = std::unordered_map<ClaimantKey, Members>;
  // Of a core, telling who holds files takes one part in so many at most.
  static constexpr int kRest = 20;

  Groups look_at_all() const;
  static std::string with_members(std::string words, const Groups& groups, ClaimantKey key);

  const std::unique_ptr<Membership> membership_;
  base::SharedLook<Groups> groups_{[this] { return look_at_all(); }, kRest};
  MemberWatch watch_;
};

}  // namespace scratchfs::tree

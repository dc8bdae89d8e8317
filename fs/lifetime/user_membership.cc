#include <sys/resource.h>
#include <algorithm>
#include <cerrno>

#include "fs/lifetime/membership.h"

namespace scratchfs::lifetime {

namespace {

class UserMembership final : public Membership {
 public:
  ClaimantKind::Identity identify(const base::Caller& caller) override {
    if (caller.pid == 0) return Unknowable{};  // another pid namespace
    return static_cast<ClaimantKey>(caller.uid);
  }

  std::string describe(ClaimantKey group) const override { return "user " + std::to_string(group); }

  // getpriority(2) counts zombies and knows only real uids, so it proves nothing, but it is all
  // there is where /proc hides processes.
  Answer ask(ClaimantKey group) const override {
    if (!hides_members()) return Answer::unclear;
    errno = 0;
    const int priority = getpriority(PRIO_USER, static_cast<id_t>(group));
    return priority == -1 && errno == ESRCH ? Answer::over : Answer::unclear;
  }

  bool unclear_means_some() const override { return false; }

  pid_t leader(ClaimantKey /*group*/) const override { return 0; }

  bool is_member(pid_t pid, ClaimantKey group) const override {
    const auto users = users_of(pid);
    return users && std::ranges::find(*users, static_cast<uid_t>(group)) != users->end();
  }

  base::Result<std::vector<ClaimantKey>> groups_of(const Process& process) const override {
    const auto users = users_of(process.pid);
    if (!users) return users.error();
    std::vector<ClaimantKey> groups(users->begin(), users->end());
    std::ranges::sort(groups);
    groups.erase(std::unique(groups.begin(), groups.end()), groups.end());
    return groups;
  }

  bool hides_members() const override { return !all_processes_are_shown(); }
};

}  // namespace

std::unique_ptr<Membership> user_membership() { return std::make_unique<UserMembership>(); }

}  // namespace scratchfs::lifetime

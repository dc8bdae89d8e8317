#include <fcntl.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <cerrno>

#include "fs/base/descriptor.h"
#include "fs/lifetime/membership.h"

namespace scratchfs::lifetime {

namespace {

class SessionMembership final : public Membership {
 public:
  ClaimantKind::Identity identify(const base::Caller& caller) override {
    if (caller.pid == 0) return Unknowable{};  // another pid namespace
    const pid_t session = getsid(caller.pid);  // accepts a thread's id, too
    if (session > 0) return static_cast<ClaimantKey>(session);
    if (session < 0 && errno == ESRCH) return Vanished{};
    return Unknowable{};
  }

  std::string describe(ClaimantKey group) const override {
    return "session " + std::to_string(group);
  }

  // A session's number stays in use until its last member is reaped. Until then fcntl(2) accepts it
  // as an owner, even if /proc hides the members.
  Answer ask(ClaimantKey group) const override {
    const f_owner_ex owner{.type = F_OWNER_PGRP, .pid = static_cast<pid_t>(group)};
    if (fcntl(probe_.get(), F_SETOWN_EX, &owner) < 0 && errno == ESRCH) return Answer::over;
    // The number may belong to a process of another session by now.
    const pid_t session = getsid(owner.pid);
    return session > 0 && session != owner.pid ? Answer::over : Answer::unclear;
  }

  bool unclear_means_some() const override { return true; }

  // The leader usually outlives its children.
  pid_t leader(ClaimantKey group) const override { return static_cast<pid_t>(group); }

  bool is_member(pid_t pid, ClaimantKey group) const override {
    return getsid(pid) == static_cast<pid_t>(group);
  }

  base::Result<std::vector<ClaimantKey>> groups_of(const Process& process) const override {
    return std::vector{static_cast<ClaimantKey>(process.session)};
  }

  bool hides_members() const override { return !all_processes_are_shown(); }

 private:
  // Never sends a signal: setting its owner shows whether a number is in use.
  const base::Descriptor probe_{eventfd(0, EFD_CLOEXEC)};
};

}  // namespace

std::unique_ptr<Membership> session_membership() { return std::make_unique<SessionMembership>(); }

}  // namespace scratchfs::lifetime

// Membership: which group a process belongs to, its session, its user, or itself.
#pragma once

#include <sys/types.h>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "fs/lifetime/claimant.h"
#include "fs/lifetime/processes.h"

namespace scratchfs::lifetime {

class Membership {
 public:
  enum class Answer : std::uint8_t { over, alive, unclear };

  virtual ~Membership() = default;
  // See ClaimantKind.
  virtual ClaimantKind::Identity identify(const base::Caller& caller) = 0;
  virtual std::string describe(ClaimantKey group) const = 0;
  // Returns what the kernel itself knows of the group, without a scan of /proc. Thread-safe, cheap.
  virtual Answer ask(ClaimantKey group) const = 0;
  // Whether ask() returns `unclear` only for a group that has members, if only zombies.
  virtual bool unclear_means_some() const = 0;
  // A process that is likely to outlive most of the group; 0: none in particular.
  virtual pid_t leader(ClaimantKey group) const = 0;
  virtual bool is_member(pid_t pid, ClaimantKey group) const = 0;
  // Returns the groups that a process is in, each once. Errors as users_of().
  virtual base::Result<std::vector<ClaimantKey>> groups_of(const Process& process) const = 0;
  // Whether /proc may hide members from the daemon (proc(5), hidepid), so that only ask() can be
  // trusted. False: if /proc shows no members, there are none.
  virtual bool hides_members() const = 0;
};

// A group is a POSIX session: the processes for which getsid(2) returns its number.
std::unique_ptr<Membership> session_membership();
// A group is one process with all its threads.
std::unique_ptr<Membership> process_membership();
// A group is the processes that have the user as their real, effective, saved or file system uid.
std::unique_ptr<Membership> user_membership();

}  // namespace scratchfs::lifetime

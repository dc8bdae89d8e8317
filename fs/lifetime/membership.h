// What makes a process a member of a group of processes: of a session, of a user, or of itself.
#pragma once

#include <sys/types.h>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "fs/lifetime/claimant.h"
#include "fs/lifetime/processes.h"

namespace scratchfs::tree {

class Membership {
 public:
  enum class Answer : std::uint8_t { over, alive, unclear };

  virtual ~Membership() = default;
  // As ClaimantKind's.
  virtual ClaimantKind::Identity identify(const base::Caller& caller) = 0;
  virtual std::string describe(ClaimantKey group) const = 0;
  // What the kernel says of the group by itself, without a look through /proc. Thread-safe, cheap.
  virtual Answer ask(ClaimantKey group) const = 0;
  // Whether ask() answers `unclear` only of a group that has members, be they zombies.
  virtual bool unclear_means_some() const = 0;
  // A process that would tell most of the group by its end; 0: none in particular.
  virtual pid_t leader(ClaimantKey group) const = 0;
  virtual bool is_member(pid_t pid, ClaimantKey group) const = 0;
  // The groups that a process is in, each once. Errors as users_of().
  virtual base::Result<std::vector<ClaimantKey>> groups_of(const Process& process) const = 0;
  // Where processes may be hidden from us (proc(5), hidepid): whether what ask() says is all there
  // is to know. False: none to be seen means none.
  virtual bool hides_members() const = 0;
};

// A group is a POSIX session: the processes with that number from getsid(2).
std::unique_ptr<Membership> session_membership();
// A group is one process, with all its threads.
std::unique_ptr<Membership> process_membership();
// A group is the processes that have a user as their real, effective, saved or file system user.
std::unique_ptr<Membership> user_membership();

}  // namespace scratchfs::tree

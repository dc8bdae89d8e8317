// Who can claim a name: an interface, so that sessions, processes, cgroups and users are kinds of
// one thing.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "fs/base/caller.h"
#include "fs/base/result.h"

namespace scratchfs::tree {

// A claimant's number within its kind (a session's id, a process's id, ...), for as long as the
// claimant lives.
using ClaimantKey = std::uint64_t;

struct Unknowable {
};                   // it exists, but its end could not be seen: its claims last until the unmount
struct Vanished {};  // it is gone already: it claims nothing
struct MustWait {};  // ask again from a thread that may wait

// What a kind asks and tells of a claimant's end.
struct ClaimantEvents {
  // A number that grows with each claim. Taken before a look at who lives: where a claim comes
  // after that look, the look says nothing of who made it.
  std::function<std::uint64_t(ClaimantKey)> claims;
  // It has ended, as a look says that was begun after `claims` were made. False: it has claimed
  // again since; look again.
  std::function<bool(ClaimantKey, std::uint64_t claims)> ended;
};

class ClaimantKind {
 public:
  using Identity = std::variant<ClaimantKey, Unknowable, Vanished, MustWait>;

  virtual ~ClaimantKind() = default;
  // Whom the caller's process or thread claims for. Quick, and never waits with Wait::no; who
  // may wait never gets MustWait. describe() and watch() are called on the thread that got a
  // key from here, and may take as long as this did.
  virtual Identity identify(const base::Caller& caller, base::Wait wait) = 0;
  // In words: `session 1529`. `pid` is a process or thread that belongs to it.
  virtual std::string describe(ClaimantKey key, pid_t pid) = 0;
  // The same for each of `keys`, with what there is to know of them now: `session 1529 (bash), 3
  // processes`. Looks at other processes, so not for a thread that must not wait.
  virtual std::vector<std::string> describe_now(std::span<const ClaimantKey> keys) = 0;
  // From now on the end of `key` is told, on a thread of the kind. `pid` is a process or thread
  // that belongs to it. Watching a key that is being watched does nothing.
  virtual void watch(ClaimantKey key, pid_t pid) = 0;
  // Sets what is called; once, before the first watch().
  virtual void start(ClaimantEvents events) = 0;
  // No call of the events runs after this returns.
  virtual void stop() = 0;
};

}  // namespace scratchfs::tree

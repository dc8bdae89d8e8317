// Who can claim a name: an interface, so that sessions, processes, cgroups and users are kinds of
// one thing.
#pragma once

#include <sys/types.h>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <variant>
#include <vector>

namespace scratchfs::tree {

// A claimant's number within its kind (a session's id, a process's id, ...), for as long as the
// claimant lives.
using ClaimantKey = std::uint64_t;

struct Unknowable {
};                   // it exists, but its end could not be seen: its claims last until the unmount
struct Vanished {};  // it is gone already: it claims nothing

class ClaimantKind {
 public:
  using Identity = std::variant<ClaimantKey, Unknowable, Vanished>;
  using Ended = std::function<void(ClaimantKey)>;

  virtual ~ClaimantKind() = default;
  // Whom the process or thread `pid` (as the kernel tells it with a request; 0: not visible here)
  // claims for. Called by request handlers: must be quick and must not wait.
  virtual Identity identify(pid_t pid) = 0;
  // In words: `session 1529`. Quick, like identify().
  virtual std::string describe(ClaimantKey key) = 0;
  // The same for each of `keys`, with what there is to know of them now: `session 1529 (bash), 3
  // processes`. Looks at other processes, so not for a thread that must not wait.
  virtual std::vector<std::string> describe_now(std::span<const ClaimantKey> keys) = 0;
  // From now on `ended` is called, once and on a thread of the kind, when `key` has ended. `pid` is
  // one that belongs to it. Watching a key that is being watched does nothing.
  virtual void watch(ClaimantKey key, pid_t pid) = 0;
  // Sets what watch() calls; before the first watch().
  virtual void on_ended(Ended ended) = 0;
  // No call of `ended` runs after this returns.
  virtual void stop() = 0;
};

}  // namespace scratchfs::tree

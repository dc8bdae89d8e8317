// ClaimantKind: the interface to what can claim a name, implemented for sessions, processes,
// cgroups and users.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "fs/base/caller.h"
#include "fs/base/result.h"

namespace scratchfs::lifetime {

// A claimant's number within its kind (a session id, a process id, ...); unique while it lives.
using ClaimantKey = std::uint64_t;

// The claimant exists, but the daemon cannot see it end: its claims last until the unmount.
struct Unknowable {};
// The claimant has ended already and claims nothing.
struct Vanished {};
// The answer may block: ask again from a thread that may wait.
struct MustWait {};

// The callbacks through which a kind reports the end of a claimant.
struct ClaimantEvents {
  // Returns a number that grows with each claim. A kind reads it before it checks which processes
  // live: a claim made after that check may come from a process that the check has not seen.
  std::function<std::uint64_t(ClaimantKey)> claims;
  // Reports that the claimant has ended, as found by a check that began after `claims` was read.
  // Returns false if the claimant has claimed again since; the kind must then check again.
  std::function<bool(ClaimantKey, std::uint64_t claims)> ended;
};

class ClaimantKind {
 public:
  using Identity = std::variant<ClaimantKey, Unknowable, Vanished, MustWait>;

  virtual ~ClaimantKind() = default;
  // Returns the claimant that the caller's process or thread belongs to. Fast, and never blocks
  // with Wait::no. Returns MustWait only with Wait::no. describe() and watch() are called on the
  // thread that got the key from here, and may take as long as this call.
  virtual Identity identify(const base::Caller& caller, base::Wait wait) = 0;
  // Returns text such as `session 1529`. `pid` is a process or thread of the claimant.
  virtual std::string describe(ClaimantKey key, pid_t pid) = 0;
  // The same for each of `keys`, with what is known of them now: `session 1529 (bash), 3
  // processes`. Reads /proc, so it must not run on a thread that must not wait.
  virtual std::vector<std::string> describe_now(std::span<const ClaimantKey> keys) = 0;
  // Starts watching `key`: its end is reported on a thread of the kind. `pid` is a process or
  // thread of the claimant. Does nothing if the key is watched already.
  virtual void watch(ClaimantKey key, pid_t pid) = 0;
  // Sets the callbacks. Called once, before the first watch().
  virtual void start(ClaimantEvents events) = 0;
  // Stops watching. No callback runs after this returns.
  virtual void stop() = 0;
};

}  // namespace scratchfs::lifetime

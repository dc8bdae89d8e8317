// Quota accounting: the bytes and inodes that each user uses, and their limits.
#pragma once

#include <sys/types.h>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "fs/base/mutex.h"
#include "fs/base/result.h"
#include "fs/quota/subuid_map.h"

namespace scratchfs::quota {

inline constexpr std::uint64_t kUnlimited = ~std::uint64_t{0};

struct Limits {
  std::uint64_t bytes = kUnlimited;
  std::uint64_t inodes = kUnlimited;
  friend bool operator==(const Limits&, const Limits&) = default;
};

struct Usage {
  std::uint64_t bytes = 0;
  std::uint64_t inodes = 0;
  friend bool operator==(const Usage&, const Usage&) = default;
};

struct AccountRow {
  uid_t uid = 0;
  Usage usage;
  Limits limits;              // the limits in force
  bool has_override = false;  // false: the default limits apply
};

// Returns `percent` of a limit, rounded up: the usage from which on the user is near the limit.
// kUnlimited if that cannot happen: no limit, a limit of 0, or 0 percent.
std::uint64_t share_of(std::uint64_t limit, unsigned percent);

// A user's usage has reached Options::warn_percent of a limit.
struct Crossing {
  enum class Of : bool { bytes, inodes };
  uid_t uid = 0;
  Of of = Of::bytes;
  std::uint64_t used = 0;
  std::uint64_t limit = 0;
};

class Account;  // one user's row; its address is stable for the life of the ledger

// Thread-safe. No function returns with one of the ledger's locks held. Only the lock of the queued
// crossings, a leaf, is acquired under them.
class Ledger {
 public:
  struct Options {
    Limits everyone;  // the default; root (uid 0) is unlimited unless overridden
    std::map<uid_t, Limits> overrides;
    std::uint64_t total_inodes = kUnlimited;  // of the whole mount; ENOSPC beyond it
    Holders holders;  // the subordinate ids, whose usage is charged to their holders
    // Percentage of a limit from which on next_crossing() reports it; 0: never.
    unsigned warn_percent = 0;
  };
  explicit Ledger(Options options);
  ~Ledger();

  // Returns the row of `uid`, or of the user who holds it, and creates it at first use.
  Account& account(uid_t uid);
  uid_t holder_of(uid_t uid) const;
  // Existing charges stay with their accounts; Charge::belong_to() moves them.
  void replace_holders(Holders holders);
  // Sets a user's own limits, or (nullopt) removes them. A limit may be lower than the usage: then
  // only further growth fails.
  void set_limits(uid_t uid, std::optional<Limits> limits);
  void set_everyone(Limits limits);
  // Replaces the default and all overrides at once. Users who are not in `overrides` lose their own
  // limits.
  void replace_limits(Limits everyone, std::map<uid_t, Limits> overrides);

  // Waits for the next crossing. Each limit is reported once, and again after the limit has changed
  // or the usage has been more than a tenth below the threshold. Returns nullopt after
  // end_crossings().
  std::optional<Crossing> next_crossing();
  void end_crossings();

  AccountRow row(uid_t uid) const;  // `uid` or its holder, as account()
  // Returns all users who use anything or have limits of their own, by uid.
  std::vector<AccountRow> table() const;
  Usage total() const;
  // Returns the inodes of total() without summing over all users.
  std::uint64_t total_inodes() const;
  std::uint64_t total_inode_limit() const;

 private:
  friend class Charge;
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// What one file costs its owner. The destructor gives it back. Thread-safe. Not movable.
class Charge {
 public:
  Charge(Ledger& ledger, Account& account);  // starts with nothing, for `account`
  ~Charge();

  // Adds to the charge. EDQUOT: over the user's limit; ENOSPC: over the mount's limit of inodes.
  // Changes nothing on failure.
  base::Result<void> grow(Usage by);
  // Adds to the charge regardless of the limits.
  void grow_anyway(Usage by);
  // REQUIRES: the charge is at least `by` (checked in debug builds).
  void shrink(Usage by);
  // Moves the whole charge to another user, or (EDQUOT) changes nothing. As with quotactl(2), this
  // fails over the limit even for root.
  base::Result<void> move_to(Account& account);
  // Moves the whole charge regardless of the limits: the file's owner is unchanged, but another
  // user holds that uid now.
  void belong_to(Account& account);
  Usage usage() const;
  // Returns whether the account has a limit of bytes.
  bool is_limited() const;

 private:
  Ledger& ledger_;
  mutable base::Mutex mutex_{base::Rank::ledger};
  Account* account_ GUARDED_BY(mutex_);
  Usage usage_ GUARDED_BY(mutex_);
};

}  // namespace scratchfs::quota

// Who has used how much of what: every user's bytes and inodes, and the limits on them.
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

namespace scratchfs::limits {

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
  Limits limits;              // those in force
  bool has_override = false;  // false: the limits are everyone's default
};

// `percent` of a limit, rounded up: the use at which its user is near it. kUnlimited where nobody
// can be near: no limit, one of 0, or 0 percent.
std::uint64_t share_of(std::uint64_t limit, unsigned percent);

// A user's use has come to Options::warn_percent of a limit.
struct Crossing {
  enum class Of : bool { bytes, inodes };
  uid_t uid = 0;
  Of of = Of::bytes;
  std::uint64_t used = 0;
  std::uint64_t limit = 0;
};

class Account;  // one user's row; its address is stable for the life of the ledger

// All functions may be called from any thread. The ledger's locks are leaves: none is held on
// return, and nothing else is locked under them.
class Ledger {
 public:
  struct Options {
    Limits each_user;  // everyone's default; root (uid 0) is unlimited unless overridden
    std::map<uid_t, Limits> overrides;
    std::uint64_t total_inodes = kUnlimited;  // of the whole mount; beyond it ENOSPC
    Holders holders;            // of subordinate ids: what those have and use is theirs
    unsigned warn_percent = 0;  // of a limit, at which next_crossing() tells of it; 0: never
  };
  explicit Ledger(Options options);
  ~Ledger();
  Ledger(const Ledger&) = delete;
  Ledger& operator=(const Ledger&) = delete;

  // The row of `uid`, or of who holds it, made at first use.
  Account& account(uid_t uid);
  uid_t holder_of(uid_t uid) const;
  // What is charged so far stays where it is: Charge::belong_to().
  void replace_holders(Holders holders);
  // Sets or (nullopt) lifts a user's own limits. A limit below what is used is fine: only further
  // growth fails.
  void set_limits(uid_t uid, std::optional<Limits> limits);
  void set_default(Limits limits);
  // Both at once, for everybody: who is not in `overrides` has no limits of his own any more.
  void replace_limits(Limits each_user, std::map<uid_t, Limits> overrides);

  // Waits for the next crossing. A limit is told of once; again when it was changed, or when the
  // use has been a tenth below the threshold meanwhile. Nothing once end_crossings() was called.
  std::optional<Crossing> next_crossing();
  void end_crossings();

  AccountRow row(uid_t uid) const;  // as account()
  // Every user that uses something or has limits of its own, by uid.
  std::vector<AccountRow> table() const;
  Usage total() const;
  // The inodes of total(), without looking at each user.
  std::uint64_t total_inodes() const;
  std::uint64_t total_inode_limit() const;

 private:
  friend class Charge;
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// What one file costs its owner. It is given back when the charge ends. Thread-safe;
// address-stable.
class Charge {
 public:
  Charge(Ledger& ledger, Account& account);  // of nothing, for `account`
  ~Charge();
  Charge(const Charge&) = delete;
  Charge& operator=(const Charge&) = delete;

  // EDQUOT: over the user's limit; ENOSPC: over the mount's inodes. On failure nothing changes.
  base::Result<void> grow(Usage by);
  // The same, whatever the limits say.
  void grow_anyway(Usage by);
  // Precondition: not below zero (checked in debug builds).
  void shrink(Usage by);
  // All of it becomes another user's, or (EDQUOT) nothing changes. quotactl(2): root moves too fail
  // over the limit.
  base::Result<void> move_to(Account& account);
  // The same, whatever the limits say: the owner stays, and somebody else holds his number now.
  void belong_to(Account& account);
  Usage usage() const;
  // Whether its user has a limit of bytes.
  bool is_limited() const;

 private:
  Ledger& ledger_;
  mutable base::Mutex mutex_{base::Rank::ledger};
  Account* account_ GUARDED_BY(mutex_);
  Usage usage_ GUARDED_BY(mutex_);
};

}  // namespace scratchfs::limits

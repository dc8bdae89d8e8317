#include "fs/limits/ledger.h"

#include <atomic>
#include <cassert>

namespace scratchfs::limits {

namespace {

using Counter = std::atomic<std::uint64_t>;

// Adds `by` unless that would pass `limit`. Growing by nothing always fits: a limit may be lowered
// below what is used.
bool grow_within(Counter& used, const Counter& limit, std::uint64_t by) {
  if (by == 0) return true;
  std::uint64_t old = used.load(std::memory_order_relaxed);
  do {
    const std::uint64_t most = limit.load(std::memory_order_relaxed);
    if (old > most || by > most - old) return false;
  } while (!used.compare_exchange_weak(old, old + by, std::memory_order_relaxed));
  return true;
}

void shrink_by(Counter& used, std::uint64_t by) {
  [[maybe_unused]] const std::uint64_t old = used.fetch_sub(by, std::memory_order_relaxed);
  assert(old >= by);
}

}  // namespace

// Usage and limits are atomics: a write grows its owner's usage without any lock that another
// file's writer takes.
class Account {
 public:
  explicit Account(Limits limits) { set_limits(limits); }
  Account(const Account&) = delete;
  Account& operator=(const Account&) = delete;

  bool grow(Usage by) {
    if (!grow_within(bytes_, byte_limit_, by.bytes)) return false;
    if (grow_within(inodes_, inode_limit_, by.inodes)) return true;
    shrink_by(bytes_, by.bytes);
    return false;
  }
  void shrink(Usage by) {
    shrink_by(bytes_, by.bytes);
    shrink_by(inodes_, by.inodes);
  }

  Usage usage() const {
    return {bytes_.load(std::memory_order_relaxed), inodes_.load(std::memory_order_relaxed)};
  }
  Limits limits() const {
    return {byte_limit_.load(std::memory_order_relaxed),
            inode_limit_.load(std::memory_order_relaxed)};
  }
  void set_limits(Limits limits) {
    byte_limit_.store(limits.bytes, std::memory_order_relaxed);
    inode_limit_.store(limits.inodes, std::memory_order_relaxed);
  }

 private:
  Counter bytes_{0};
  Counter inodes_{0};
  Counter byte_limit_{kUnlimited};
  Counter inode_limit_{kUnlimited};
};

struct Ledger::Impl {
  const Counter inode_limit;  // of the whole mount
  Counter inodes{0};          // of the whole mount

  mutable base::Mutex mutex;
  Limits each_user GUARDED_BY(mutex);
  std::map<uid_t, Limits> overrides GUARDED_BY(mutex);
  std::map<uid_t, std::unique_ptr<Account>> accounts GUARDED_BY(mutex);

  explicit Impl(Options options)
      : inode_limit(options.total_inodes),
        each_user(options.each_user),
        overrides(std::move(options.overrides)) {}

  Limits limits_of(uid_t uid) const REQUIRES(mutex) {
    if (const auto found = overrides.find(uid); found != overrides.end()) return found->second;
    return uid == 0 ? Limits{} : each_user;
  }

  AccountRow row_of(uid_t uid) const REQUIRES(mutex) {
    AccountRow row{.uid = uid, .usage = {}, .limits = limits_of(uid), .has_override = false};
    row.has_override = overrides.contains(uid);
    if (const auto found = accounts.find(uid); found != accounts.end()) {
      row.usage = found->second->usage();
    }
    return row;
  }

  void apply_limits() REQUIRES(mutex) {
    for (const auto& [uid, account] : accounts) account->set_limits(limits_of(uid));
  }
};

Ledger::Ledger(Options options) : impl_(std::make_unique<Impl>(std::move(options))) {}
Ledger::~Ledger() = default;

Account& Ledger::account(uid_t uid) {
  base::Lock lock(impl_->mutex);
  std::unique_ptr<Account>& place = impl_->accounts[uid];
  if (!place) place = std::make_unique<Account>(impl_->limits_of(uid));
  return *place;
}

void Ledger::set_limits(uid_t uid, std::optional<Limits> limits) {
  base::Lock lock(impl_->mutex);
  if (limits) {
    impl_->overrides[uid] = *limits;
  } else {
    impl_->overrides.erase(uid);
  }
  impl_->apply_limits();
}

void Ledger::set_default(Limits limits) {
  base::Lock lock(impl_->mutex);
  impl_->each_user = limits;
  impl_->apply_limits();
}

AccountRow Ledger::row(uid_t uid) const {
  base::Lock lock(impl_->mutex);
  return impl_->row_of(uid);
}

std::vector<AccountRow> Ledger::table() const {
  base::Lock lock(impl_->mutex);
  std::map<uid_t, AccountRow> rows;
  for (const auto& [uid, limits] : impl_->overrides) rows.emplace(uid, impl_->row_of(uid));
  for (const auto& [uid, account] : impl_->accounts) {
    if (account->usage() != Usage{}) rows.emplace(uid, impl_->row_of(uid));
  }
  std::vector<AccountRow> table;
  table.reserve(rows.size());
  for (const auto& [uid, row] : rows) table.push_back(row);
  return table;
}

Usage Ledger::total() const {
  base::Lock lock(impl_->mutex);
  Usage total{.bytes = 0, .inodes = impl_->inodes.load(std::memory_order_relaxed)};
  for (const auto& [uid, account] : impl_->accounts) total.bytes += account->usage().bytes;
  return total;
}

std::uint64_t Ledger::total_inode_limit() const { return impl_->inode_limit.load(); }

Charge::Charge(Ledger& ledger, Account& account) : ledger_(ledger), account_(&account) {}

Charge::~Charge() {
  base::Lock lock(mutex_);
  account_->shrink(usage_);
  shrink_by(ledger_.impl_->inodes, usage_.inodes);
}

base::Result<void> Charge::grow(Usage by) {
  base::Lock lock(mutex_);
  if (!account_->grow(by)) return base::Errno(EDQUOT);
  Ledger::Impl& mount = *ledger_.impl_;
  if (!grow_within(mount.inodes, mount.inode_limit, by.inodes)) {
    account_->shrink(by);
    return base::Errno(ENOSPC);
  }
  usage_.bytes += by.bytes;
  usage_.inodes += by.inodes;
  return {};
}

void Charge::shrink(Usage by) {
  base::Lock lock(mutex_);
  assert(usage_.bytes >= by.bytes && usage_.inodes >= by.inodes);
  usage_.bytes -= by.bytes;
  usage_.inodes -= by.inodes;
  account_->shrink(by);
  shrink_by(ledger_.impl_->inodes, by.inodes);
}

base::Result<void> Charge::move_to(Account& account) {
  base::Lock lock(mutex_);
  if (account_ == &account) return {};
  if (!account.grow(usage_)) return base::Errno(EDQUOT);
  account_->shrink(usage_);
  account_ = &account;
  return {};
}

Usage Charge::usage() const {
  base::Lock lock(mutex_);
  return usage_;
}

}  // namespace scratchfs::limits

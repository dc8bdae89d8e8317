#include "fs/quota/ledger.h"

#include <atomic>
#include <cassert>
#include <deque>
#include <new>
#include <utility>

namespace scratchfs::quota {

namespace {

using Counter = std::atomic<std::uint64_t>;

// Adds `by` unless the sum exceeds `limit`. Growing by 0 always succeeds, because a limit may be
// lower than the usage.
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

std::uint64_t share_of(std::uint64_t limit, unsigned percent) {
  if (limit == kUnlimited || limit == 0 || percent == 0) return kUnlimited;
  return limit / 100 * percent + (limit % 100 * percent + 99) / 100;
}

// Crossings that have not been reported yet. Its mutex is a leaf.
class Crossings {
 public:
  // Never throws, because the caller's usage has grown already. Drops the crossing if kMost are
  // queued or memory is short.
  void add(const Crossing& crossing) noexcept {
    base::Lock lock(mutex_);
    if (waiting_.size() >= kMost) return;
    try {
      waiting_.push_back(crossing);
    } catch (const std::bad_alloc&) {
      return;
    }
    changed_.notify_one();
  }
  std::optional<Crossing> next() {
    base::Lock lock(mutex_);
    while (waiting_.empty() && !ended_) changed_.wait(mutex_);
    if (ended_) return std::nullopt;
    const Crossing first = waiting_.front();
    waiting_.pop_front();
    return first;
  }
  void end() {
    base::Lock lock(mutex_);
    ended_ = true;
    changed_.notify_all();
  }

 private:
  static constexpr std::size_t kMost = 1000;

  base::Mutex mutex_;
  base::Condition changed_;
  std::deque<Crossing> waiting_ GUARDED_BY(mutex_);
  bool ended_ GUARDED_BY(mutex_) = false;
};

// One of an account's limits and the usage of it.
class Quantity {
 public:
  explicit Quantity(Crossing::Of of) : of_(of) {}

  bool grow(std::uint64_t by) { return grow_within(used_, limit_, by); }
  void take(std::uint64_t by) { used_.fetch_add(by, std::memory_order_relaxed); }
  void shrink(std::uint64_t by) {
    shrink_by(used_, by);
    if (!told_.load(std::memory_order_relaxed)) return;
    const std::uint64_t threshold = threshold_.load(std::memory_order_relaxed);
    if (used() < threshold - threshold / 10) told_.store(false, std::memory_order_relaxed);
  }
  std::uint64_t used() const { return used_.load(std::memory_order_relaxed); }
  std::uint64_t limit() const { return limit_.load(std::memory_order_relaxed); }

  void set_limit(std::uint64_t limit, unsigned warn_percent) {
    const std::uint64_t before = limit_.exchange(limit, std::memory_order_relaxed);
    threshold_.store(share_of(limit, warn_percent), std::memory_order_relaxed);
    if (before != limit) told_.store(false, std::memory_order_relaxed);
  }
  // Reports the limit if its threshold is reached. Call after the usage has grown or the limit has
  // changed.
  void tell(uid_t uid, Crossings& crossings) {
    const std::uint64_t now = used();
    if (now < threshold_.load(std::memory_order_relaxed)) return;
    if (told_.load(std::memory_order_relaxed) || told_.exchange(true)) return;
    crossings.add({.uid = uid, .of = of_, .used = now, .limit = limit()});
  }

 private:
  const Crossing::Of of_;
  Counter used_{0};
  Counter limit_{kUnlimited};
  Counter threshold_{kUnlimited};
  std::atomic<bool> told_{false};
};

// One user's usage and limits. They are atomics, so that a write takes no lock that writers of the
// user's other files take.
class Account {
 public:
  Account(uid_t uid, Limits limits, unsigned warn_percent, Crossings& crossings)
      : uid_(uid), warn_percent_(warn_percent), crossings_(crossings) {
    set_limits(limits);
  }

  bool grow(Usage by) {
    if (!bytes_.grow(by.bytes)) return false;
    if (!inodes_.grow(by.inodes)) {
      bytes_.shrink(by.bytes);
      return false;
    }
    tell();
    return true;
  }
  // Adds usage regardless of the limits.
  void take(Usage by) {
    bytes_.take(by.bytes);
    inodes_.take(by.inodes);
    tell();
  }
  void shrink(Usage by) {
    bytes_.shrink(by.bytes);
    inodes_.shrink(by.inodes);
  }

  Usage usage() const { return {bytes_.used(), inodes_.used()}; }
  bool has_byte_limit() const { return bytes_.limit() != kUnlimited; }
  void set_limits(Limits limits) {
    bytes_.set_limit(limits.bytes, warn_percent_);
    inodes_.set_limit(limits.inodes, warn_percent_);
    tell();
  }

 private:
  void tell() {
    bytes_.tell(uid_, crossings_);
    inodes_.tell(uid_, crossings_);
  }

  const uid_t uid_;
  const unsigned warn_percent_;
  Crossings& crossings_;
  Quantity bytes_{Crossing::Of::bytes};
  Quantity inodes_{Crossing::Of::inodes};
};

struct Ledger::Impl {
  const Counter inode_limit;  // of the whole mount
  const unsigned warn_percent;
  Crossings crossings;
  Counter inodes{0};  // of the whole mount

  mutable base::Mutex mutex{base::Rank::ledger};
  Limits everyone GUARDED_BY(mutex);
  std::map<uid_t, Limits> overrides GUARDED_BY(mutex);
  Holders holders GUARDED_BY(mutex);
  std::map<uid_t, std::unique_ptr<Account>> accounts GUARDED_BY(mutex);

  explicit Impl(Options options)
      : inode_limit(options.total_inodes),
        warn_percent(options.warn_percent),
        everyone(options.everyone),
        overrides(std::move(options.overrides)),
        holders(std::move(options.holders)) {}

  Limits limits_of(uid_t uid) const REQUIRES(mutex) {
    if (const auto found = overrides.find(uid); found != overrides.end()) return found->second;
    return uid == 0 ? Limits{} : everyone;
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
  uid = impl_->holders.holder_of(uid);
  const auto known = impl_->accounts.find(uid);
  if (known != impl_->accounts.end()) return *known->second;
  auto fresh =
      std::make_unique<Account>(uid, impl_->limits_of(uid), impl_->warn_percent, impl_->crossings);
  return *impl_->accounts.emplace(uid, std::move(fresh)).first->second;
}

uid_t Ledger::holder_of(uid_t uid) const {
  base::Lock lock(impl_->mutex);
  return impl_->holders.holder_of(uid);
}

void Ledger::replace_holders(Holders holders) {
  base::Lock lock(impl_->mutex);
  impl_->holders = std::move(holders);
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

void Ledger::set_everyone(Limits limits) {
  base::Lock lock(impl_->mutex);
  impl_->everyone = limits;
  impl_->apply_limits();
}

void Ledger::replace_limits(Limits everyone, std::map<uid_t, Limits> overrides) {
  base::Lock lock(impl_->mutex);
  impl_->everyone = everyone;
  impl_->overrides = std::move(overrides);
  impl_->apply_limits();
}

std::optional<Crossing> Ledger::next_crossing() { return impl_->crossings.next(); }
void Ledger::end_crossings() { impl_->crossings.end(); }

AccountRow Ledger::row(uid_t uid) const {
  base::Lock lock(impl_->mutex);
  return impl_->row_of(impl_->holders.holder_of(uid));
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

std::uint64_t Ledger::total_inodes() const { return impl_->inodes.load(std::memory_order_relaxed); }

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

void Charge::grow_anyway(Usage by) {
  base::Lock lock(mutex_);
  account_->take(by);
  ledger_.impl_->inodes.fetch_add(by.inodes, std::memory_order_relaxed);
  usage_.bytes += by.bytes;
  usage_.inodes += by.inodes;
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

void Charge::belong_to(Account& account) {
  base::Lock lock(mutex_);
  if (account_ == &account) return;
  account.take(usage_);
  account_->shrink(usage_);
  account_ = &account;
}

Usage Charge::usage() const {
  base::Lock lock(mutex_);
  return usage_;
}

bool Charge::is_limited() const {
  base::Lock lock(mutex_);
  return account_->has_byte_limit();
}

}  // namespace scratchfs::quota

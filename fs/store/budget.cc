#include "fs/store/budget.h"

#include <algorithm>
#include <cassert>

namespace scratchfs::store {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kMiB = 1 << 20;
// Interval of eviction attempts while threads wait: a block tells nobody when its last pin ends.
constexpr auto kWaiterPoll = 2ms;
// How long readers wait while the disk is broken; pins end within that time.
constexpr auto kBlockedTimeout = 1s;
// How long threads wait with a working disk after the last progress of any of them.
constexpr auto kStuckTimeout = 30s;

std::size_t index(Need need) { return static_cast<std::size_t>(need); }

}  // namespace

Marks marks_of(std::uint64_t budget, bool can_spill) {
  if (!can_spill) return {budget, budget, budget, budget};
  const std::uint64_t to_target = std::clamp(budget / 8, 2 * kMiB, 512 * kMiB);
  const std::uint64_t to_trigger = std::clamp(budget / 16, kMiB, 64 * kMiB);
  return {budget - to_target, budget - to_trigger, budget - to_trigger / 2, budget};
}

Budget::Budget(std::uint64_t budget, bool can_spill)
    : can_spill_(can_spill), marks_(marks_of(budget, can_spill)) {
  if (!can_spill) blocked_ = base::Errno{ENOSPC};
}

std::uint64_t Budget::most_remembered() const {
  return can_spill_ ? marks_.budget / 4 * 3 : marks_.budget;
}

// Exceeds the budget only while that shrinks: readers must not be kept out by the firm memory that
// is still above it.
std::uint64_t Budget::most_used() const {
  const std::uint64_t above = firm() > marks_.overwrite ? firm() - marks_.overwrite : 0;
  return marks_.budget + above;
}

std::uint64_t Budget::current_target() const {
  const std::uint64_t eighth = marks_.budget / 8;
  const std::uint64_t lowered = relief_ * eighth;
  return marks_.target > lowered + eighth ? marks_.target - lowered : eighth;
}

bool Budget::firm_fits(Need need, std::uint64_t bytes) const {
  switch (need) {
    case Need::fetch:
      return true;
    case Need::dirty:
      return firm() + bytes <= marks_.overwrite;
    case Need::take:
      return firm() + bytes <= marks_.trigger;
  }
  return false;
}

bool Budget::fits(Need need, std::uint64_t bytes) const {
  return firm_fits(need, bytes) && (need == Need::dirty || used_ + bytes <= most_used());
}

void Budget::count(Need need, std::uint64_t bytes) {
  if (need == Need::dirty) {
    promised_ += bytes;
    return;
  }
  used_ += bytes;
  if (need == Need::fetch) clean_ += bytes;
  grow_older(bytes);
  if (excess() > 0) wake_spiller();
}

void Budget::grow_older(std::uint64_t bytes) {
  taken_ += bytes;
  if (taken_ < marks_.budget / kAges) return;
  taken_ = 0;
  const std::uint32_t next = age() + 1;
  age_.store(next == 0 ? 1 : next, std::memory_order_relaxed);
}

base::Result<void> Budget::try_reserve(Need need, std::uint64_t bytes) {
  base::Lock lock(mutex_);
  // Threads that wait already go first.
  if (waiters_[index(need)].empty() && fits(need, bytes)) {
    count(need, bytes);
    return {};
  }
  if (const auto error = hopeless(); error && !firm_fits(need, bytes)) return *error;
  return base::kWouldBlock;
}

base::Result<void> Budget::reserve(Need need, std::uint64_t bytes, base::Wait wait) {
  base::Lock lock(mutex_);
  auto& queue = waiters_[index(need)];
  if (queue.empty() && fits(need, bytes)) {
    count(need, bytes);
    return {};
  }
  if (const auto error = hopeless(); error && !firm_fits(need, bytes)) return *error;
  if (stopping_) return base::Errno{ENOSPC};
  if (!anyone_waits()) progress_ = Clock::now();
  Waiter waiter{.bytes = bytes, .since = Clock::now(), .condition = {}, .done = false, .error = {}};
  queue.push_back(&waiter);
  wake_spiller();
  changed_.notify_all();
  while (!waiter.done) {
    wait.progressed(need == Need::fetch ? std::max(progress_, written_) : written_);
    if (const auto why = wait.over()) {
      std::erase(queue, &waiter);
      grant_waiters();  // the next waiter may want less
      return *why;
    }
    waiter.condition.wait(mutex_, wait);
  }
  if (waiter.error) return *waiter.error;
  return {};
}

void Budget::settle_dirty(std::uint64_t bytes, bool kept) {
  base::Lock lock(mutex_);
  promised_ -= bytes;
  if (kept) {
    clean_ -= bytes;
  } else {
    grant_waiters();
  }
}

void Budget::release(std::uint64_t firm, std::uint64_t clean) { spilled(firm, clean, 0); }

void Budget::made_clean(std::uint64_t bytes) {
  base::Lock lock(mutex_);
  clean_ += bytes;
  grant_waiters();
}

void Budget::spilled(std::uint64_t firm, std::uint64_t clean, std::uint64_t remembered) {
  base::Lock lock(mutex_);
  used_ = used_ - firm - clean + remembered;
  clean_ -= clean;
  remembered_ += remembered;
  grant_waiters();
}

void Budget::forget(std::uint64_t remembered) {
  base::Lock lock(mutex_);
  used_ -= remembered;
  remembered_ -= remembered;
  grant_waiters();
}

base::Result<void> Budget::add_small(std::uint64_t bytes) {
  base::Lock lock(mutex_);
  return count_small(bytes, firm() + bytes <= marks_.overwrite && used_ + bytes <= marks_.budget);
}

base::Result<void> Budget::add_objects(std::uint64_t bytes) {
  base::Lock lock(mutex_);
  const bool makes_room = can_spill_ && !blocked_;
  return count_small(bytes, makes_room || used_ + bytes <= marks_.budget);
}

base::Result<void> Budget::count_small(std::uint64_t bytes, bool has_room) {
  if (used_ + bytes > current_target()) wake_spiller();
  if (!has_room || small_ + remembered_ + bytes > most_remembered()) return base::Errno{ENOSPC};
  small_ += bytes;
  used_ += bytes;
  return {};
}

void Budget::remove_small(std::uint64_t bytes) {
  base::Lock lock(mutex_);
  small_ -= bytes;
  used_ -= bytes;
  grant_waiters();
}

bool Budget::remember(std::uint64_t bytes) {
  base::Lock lock(mutex_);
  if (!fits(Need::take, bytes) || small_ + remembered_ + bytes > most_remembered()) return false;
  used_ += bytes;
  remembered_ += bytes;
  if (excess() > 0) wake_spiller();
  return true;
}

bool Budget::may_remember(std::uint64_t bytes) {
  base::Lock lock(mutex_);
  return small_ + remembered_ + bytes <= most_remembered();
}

bool Budget::anyone_waits() const {
  return std::any_of(waiters_.begin(), waiters_.end(),
                     [](const auto& queue) { return !queue.empty(); });
}

std::uint64_t Budget::excess() const {
  const std::uint64_t staying = used_ > leaving_ ? used_ - leaving_ : 0;
  std::uint64_t wanted = staying > current_target() ? staying - current_target() : 0;
  if (wanted > 0 || leaving_ > 0) return wanted;
  // Waiters below the target: promises and marks can leave them short nevertheless.
  for (const auto& queue : waiters_) {
    if (!queue.empty()) wanted += queue.front()->bytes;
  }
  return wanted;
}

void Budget::grant_waiters() {
  for (const Need need : kAllNeeds) {
    auto& queue = waiters_[index(need)];
    while (!queue.empty() && fits(need, queue.front()->bytes)) {
      Waiter* waiter = queue.front();
      queue.pop_front();
      count(need, waiter->bytes);
      waiter->done = true;
      waiter->condition.notify_one();
    }
  }
}

void Budget::wake_spiller() {
  if (idle_ > 0) work_.notify_one();
}

std::optional<std::uint64_t> Budget::wait_for_work() {
  base::Lock lock(mutex_);
  while (!stopping_ && excess() == 0) {
    ++idle_;
    work_.wait(mutex_);
    --idle_;
  }
  if (stopping_) return std::nullopt;
  return excess();
}

void Budget::leaving(std::uint64_t bytes) {
  base::Lock lock(mutex_);
  leaving_ += bytes;
}

void Budget::stays(std::uint64_t bytes) {
  base::Lock lock(mutex_);
  leaving_ -= bytes;
}

void Budget::left(std::uint64_t bytes, bool progress, bool written) {
  base::Lock lock(mutex_);
  assert(leaving_ >= bytes);
  leaving_ -= bytes;
  if (progress) progress_ = Clock::now();
  if (written) {
    written_ = Clock::now();
    allow_takers();
  }
  if (excess() > 0) wake_spiller();
}

void Budget::fail_waiters(Need need, base::Errno error, Clock::time_point before) {
  auto& queue = waiters_[index(need)];
  while (!queue.empty() && queue.front()->since <= before) {
    Waiter* waiter = queue.front();
    queue.pop_front();
    waiter->error = error;
    waiter->done = true;
    waiter->condition.notify_one();
  }
}

void Budget::block(base::Errno error, std::uint64_t generation) {
  base::Lock lock(mutex_);
  if (generation != generation_) return;
  blocked_ = error;
  fail_takers();
}

void Budget::block_full(std::uint64_t generation) {
  base::Lock lock(mutex_);
  if (generation != generation_ || leaving_ > 0) return;
  blocked_ = base::Errno{ENOSPC};
  fail_takers();
}

std::optional<base::Errno> Budget::hopeless() const {
  return freeing_ == 0 ? blocked_ : std::nullopt;
}

void Budget::fail_takers() {
  const auto error = hopeless();
  if (!error) return;
  for (const Need need : {Need::dirty, Need::take}) {
    auto& queue = waiters_[index(need)];
    if (!queue.empty() && !firm_fits(need, queue.front()->bytes))
      fail_waiters(need, *error, Clock::time_point::max());
  }
}

void Budget::freeing(std::uint64_t bytes) {
  base::Lock lock(mutex_);
  freeing_ += bytes;
}

void Budget::freed(std::uint64_t bytes) {
  base::Lock lock(mutex_);
  assert(freeing_ >= bytes);
  freeing_ -= bytes;
  fail_takers();
}

void Budget::unblock() {
  base::Lock lock(mutex_);
  allow_takers();
}

void Budget::allow_takers() {
  ++generation_;
  blocked_.reset();
  changed_.notify_all();
}

std::uint64_t Budget::generation() {
  base::Lock lock(mutex_);
  return generation_;
}

void Budget::pause(std::chrono::milliseconds pause) {
  base::Lock lock(mutex_);
  if (stopping_) return;
  const auto now = Clock::now();
  if (leaving_ == 0) {
    if (const auto error = hopeless()) {
      for (const Need need : kAllNeeds) {
        fail_waiters(need, *error, now - kBlockedTimeout);
      }
    } else if (freeing_ == 0 && now - progress_ > kStuckTimeout) {
      for (const Need need : kAllNeeds) {
        fail_waiters(need, base::Errno{ENOSPC}, now - kStuckTimeout);
      }
    }
  }
  changed_.wait_for(
      mutex_, anyone_waits() ? std::min<std::chrono::milliseconds>(pause, kWaiterPoll) : pause);
}

void Budget::stop() {
  base::Lock lock(mutex_);
  stopping_ = true;
  for (const Need need : kAllNeeds) {
    fail_waiters(need, base::Errno{ENOSPC}, Clock::time_point::max());
  }
  work_.notify_all();
  changed_.notify_all();
}

base::Result<void> Budget::resize(std::uint64_t budget, std::uint64_t spill_room) {
  base::Lock lock(mutex_);
  const Marks marks = marks_of(budget, can_spill_);
  const std::uint64_t must_leave = firm() > marks.target ? firm() - marks.target : 0;
  const bool shrinks = budget < marks_.budget;
  if (shrinks && (must_leave > spill_room || small_ + remembered_ > budget / 2))
    return base::Errno{EBUSY};
  marks_ = marks;
  grant_waiters();
  work_.notify_all();
  changed_.notify_all();
  return {};
}

void Budget::relieve(unsigned eighths) {
  base::Lock lock(mutex_);
  relief_ = std::min(eighths, kMostRelief);
  work_.notify_all();
}

std::uint64_t Budget::target() const {
  base::Lock lock(mutex_);
  return current_target();
}

Marks Budget::marks() const {
  base::Lock lock(mutex_);
  return marks_;
}

Budget::Counts Budget::counts() const {
  base::Lock lock(mutex_);
  return {used_, firm(), clean_, small_, remembered_, freeing_, most_remembered()};
}

}  // namespace scratchfs::store

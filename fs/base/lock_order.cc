#include "fs/base/lock_order.h"

#ifndef NDEBUG

#include <array>
#include <cstddef>
#include <cstdio>
#include <cstdlib>

namespace scratchfs::base {

namespace {

constexpr std::array<const char*, 13> kNames{
    "control", "rename",  "directory", "closing", "inode",  "content", "choosing",
    "shard",   "notices", "ledger",    "memory",  "cipher", "leaf"};
static_assert(kNames.size() == static_cast<std::size_t>(Rank::leaf) + 1);

struct Held {
  const Place* place;
  Rank rank;
};

// The locks that one thread holds, in the order in which it acquired them.
struct AllHeld {
  std::array<Held, 32> locks;
  std::size_t count;
};
thread_local constinit AllHeld all{};

const char* name_of(Rank rank) { return kNames[static_cast<std::size_t>(rank)]; }

[[noreturn]] void fail(const char* what, const Place* place, Rank rank) {
  std::fprintf(stderr, "lock order: %s: %s %p; this thread has", what, name_of(rank),
               static_cast<const void*>(place));
  for (std::size_t i = 0; i < all.count; ++i) {
    std::fprintf(stderr, " %s %p", name_of(all.locks[i].rank),
                 static_cast<const void*>(all.locks[i].place));
  }
  std::fputs(all.count == 0 ? " none\n" : "\n", stderr);
  std::abort();
}

bool has(const Place* place) {
  for (std::size_t i = 0; i < all.count; ++i) {
    if (all.locks[i].place == place) return true;
  }
  return false;
}

void look(const Place* place, Rank rank, const Place* first) {
  if (has(place)) fail("taken twice", place, rank);
  const bool may_be_second = first != nullptr && has(first);
  for (std::size_t i = 0; i < all.count; ++i) {
    const Rank other = all.locks[i].rank;
    if (other > rank || (other == rank && !may_be_second)) fail("out of order", place, rank);
  }
}

}  // namespace

void Place::about_to_lock() const { look(this, rank_, nullptr); }

void Place::about_to_lock_after(const Place& first) const {
  if (first.rank_ != rank_ || !has(&first)) fail("not after the first", this, rank_);
  look(this, rank_, &first);
}

void Place::locked() const {
  if (all.count == all.locks.size()) fail("too many", this, rank_);
  all.locks[all.count++] = {this, rank_};
}

void Place::unlocked() const {
  std::size_t at = all.count;
  while (at > 0 && all.locks[at - 1].place != this) --at;
  if (at == 0) fail("given back, never taken", this, rank_);
  for (; at < all.count; ++at) all.locks[at - 1] = all.locks[at];
  --all.count;
}

}  // namespace scratchfs::base

#endif

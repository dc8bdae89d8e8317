#include "fs/store/frames.h"

#include <sys/mman.h>

#include <algorithm>
#include <thread>

namespace scratchfs::store {
namespace {

// A thread stays with one stripe, so that what it frees is what it takes next.
std::size_t own_stripe(std::size_t stripes) {
  static std::atomic<std::size_t> threads{0};
  thread_local const std::size_t number = threads.fetch_add(1, std::memory_order_relaxed);
  return number % stripes;
}

void* reserve_address_space(std::size_t bytes) {
  void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return memory == MAP_FAILED ? nullptr : memory;
}

}  // namespace

base::Result<std::unique_ptr<Frames>> Frames::create(std::uint64_t bytes,
                                                     std::function<void()> on_surplus) {
  const std::uint64_t wanted = bytes / kPageSize + kSlack;
  if (wanted >= kNone) return base::Errno{ENOMEM};
  const auto count = static_cast<std::size_t>(wanted);
  void* arena = reserve_address_space(count * kPageSize);
  if (arena == nullptr) return base::Errno{ENOMEM};
  void* next = reserve_address_space(count * sizeof(FrameIndex));
  if (next == nullptr) {
    munmap(arena, count * kPageSize);
    return base::Errno{ENOMEM};
  }
  madvise(arena, count * kPageSize, MADV_DONTDUMP);
  // A child has no business with contents, and copying the page tables of gigabytes would stop the
  // mount.
  madvise(arena, count * kPageSize, MADV_DONTFORK);
  const std::size_t reserve =
      std::min<std::size_t>(count / 16, (std::size_t{64} << 20) / kPageSize);
  return std::unique_ptr<Frames>(new Frames(static_cast<std::byte*>(arena),
                                            static_cast<FrameIndex*>(next), count, reserve,
                                            std::move(on_surplus)));
}

Frames::Frames(std::byte* arena, FrameIndex* next, std::size_t count, std::size_t reserve,
               std::function<void()> on_surplus)
    : arena_(arena),
      next_(next),
      count_(count),
      reserve_(reserve),
      on_surplus_(std::move(on_surplus)) {}

Frames::~Frames() {
  munmap(arena_, count_ * kPageSize);
  munmap(next_, count_ * sizeof(FrameIndex));
}

void Frames::push(Stack& stack, FrameIndex frame) {
  next_[frame] = stack.top;
  stack.top = frame;
  ++stack.size;
}

FrameIndex Frames::pop(Stack& stack) {
  const FrameIndex frame = stack.top;
  stack.top = next_[frame];
  --stack.size;
  return frame;
}

std::size_t Frames::pop_used(Stripe& stripe, std::span<FrameIndex> taken) {
  base::Lock lock(stripe.mutex);
  const std::size_t got = std::min(taken.size(), stripe.stack.size);
  for (std::size_t i = 0; i < got; ++i) taken[i] = pop(stripe.stack);
  free_used_.fetch_sub(got, std::memory_order_relaxed);
  return got;
}

std::size_t Frames::pop_untouched(std::span<FrameIndex> taken) {
  base::Lock lock(untouched_mutex_);
  std::size_t got = 0;
  while (got < taken.size() && given_back_.size > 0) taken[got++] = pop(given_back_);
  while (got < taken.size() && never_used_ < count_)
    taken[got++] = static_cast<FrameIndex>(never_used_++);
  return got;
}

void Frames::take(std::span<FrameIndex> taken) {
  const std::size_t now = in_use_.fetch_add(taken.size(), std::memory_order_relaxed) + taken.size();
  std::size_t most = most_in_use_.load(std::memory_order_relaxed);
  while (now > most && !most_in_use_.compare_exchange_weak(most, now, std::memory_order_relaxed)) {
  }
  const std::size_t own = own_stripe(kStripes);
  while (true) {
    for (std::size_t i = 0; i < kStripes && !taken.empty(); ++i) {
      if (free_used_.load(std::memory_order_relaxed) == 0) break;
      taken = taken.subspan(pop_used(stripes_[(own + i) % kStripes], taken));
    }
    taken = taken.subspan(pop_untouched(taken));
    if (taken.empty()) return;
    // All the rest is in another thread's hands, between two of our stacks.
    std::this_thread::yield();
  }
}

void Frames::put(std::span<const FrameIndex> frames) {
  if (frames.empty()) return;
  Stripe& stripe = stripes_[own_stripe(kStripes)];
  {
    base::Lock lock(stripe.mutex);
    for (const FrameIndex frame : frames) push(stripe.stack, frame);
    free_used_.fetch_add(frames.size(), std::memory_order_relaxed);
  }
  in_use_.fetch_sub(frames.size(), std::memory_order_relaxed);
  if (free_used_.load(std::memory_order_relaxed) > reserve_ &&
      !surplus_told_.load(std::memory_order_relaxed) && !surplus_told_.exchange(true)) {
    on_surplus_();
  }
}

bool Frames::give_back() {
  const std::size_t in_use = in_use_.load(std::memory_order_relaxed);
  const std::size_t most =
      std::max(in_use, most_in_use_.exchange(in_use, std::memory_order_relaxed));
  const std::size_t free_now = free_used_.load(std::memory_order_relaxed);
  // At the busiest moment since the last call this many fewer were free.
  const std::size_t needed = (most - in_use) + reserve_;
  std::size_t surplus = free_now > needed ? free_now - needed : 0;
  std::array<FrameIndex, kGiveBackBatch> batch;
  for (std::size_t stripe = 0; stripe < kStripes && surplus > 0;) {
    const std::span<FrameIndex> wanted = std::span(batch).first(std::min(surplus, batch.size()));
    const std::size_t got = pop_used(stripes_[stripe], wanted);
    discard(wanted.first(got));
    surplus -= got;
    if (got < wanted.size()) ++stripe;
  }
  if (free_used_.load(std::memory_order_relaxed) > reserve_) return true;
  surplus_told_.store(false);
  // A put() between the look and the store would have told nobody.
  return free_used_.load() > reserve_ && !surplus_told_.exchange(true);
}

void Frames::discard(std::span<FrameIndex> frames) {
  std::sort(frames.begin(), frames.end());
  for (std::size_t i = 0; i < frames.size();) {
    std::size_t end = i + 1;
    while (end < frames.size() && frames[end] == frames[end - 1] + 1) ++end;
    madvise(address(frames[i]), (end - i) * kPageSize, MADV_DONTNEED);
    i = end;
  }
  base::Lock lock(untouched_mutex_);
  // The lowest on top: neighbours are taken together again.
  for (std::size_t i = frames.size(); i > 0; --i) push(given_back_, frames[i - 1]);
}

std::uint64_t Frames::reserve_bytes() const {
  return free_used_.load(std::memory_order_relaxed) * kPageSize;
}

}  // namespace scratchfs::store

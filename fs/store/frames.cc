#include "fs/store/frames.h"

#include <sys/mman.h>

#include <algorithm>
#include <thread>

namespace scratchfs::store {
namespace {

// Reserves address space that is not charged to the machine's commit limit, not even with
// vm.overcommit_memory=2.
void* reserve_address_space(std::size_t bytes) {
  void* memory =
      mmap(nullptr, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return memory == MAP_FAILED ? nullptr : memory;
}

bool make_usable(void* memory, std::size_t from, std::size_t to) {
  constexpr std::size_t kWhole = kPageSize - 1;
  const std::size_t begin = (from + kWhole) & ~kWhole;
  const std::size_t end = (to + kWhole) & ~kWhole;
  return begin >= end || mprotect(static_cast<std::byte*>(memory) + begin, end - begin,
                                  PROT_READ | PROT_WRITE) == 0;
}

// Like MADV_DONTNEED, but also for locked memory (Linux 5.18).
#ifdef MADV_DONTNEED_LOCKED
constexpr int kGiveBack = MADV_DONTNEED_LOCKED;
#else
constexpr int kGiveBack = 24;
#endif

// Calls `visit` for each run of consecutive indexes in `frames`, which is sorted.
void for_each_run(std::span<const FrameIndex> frames, const auto& visit) {
  for (std::size_t i = 0; i < frames.size();) {
    std::size_t end = i + 1;
    while (end < frames.size() && frames[end] == frames[end - 1] + 1) ++end;
    visit(frames[i], end - i);
    i = end;
  }
}

}  // namespace

base::Result<std::unique_ptr<Frames>> Frames::create(std::uint64_t bytes, Hooks hooks,
                                                     std::uint64_t most) {
  const std::uint64_t wanted = std::max(bytes, most) / kPageSize + kSlack;
  if (wanted >= kNone) return most > bytes ? create(bytes, std::move(hooks)) : base::Errno{ENOMEM};
  const auto capacity = static_cast<std::size_t>(wanted);
  void* arena = reserve_address_space(capacity * kPageSize);
  if (arena == nullptr && most > bytes) return create(bytes, std::move(hooks));
  if (arena == nullptr) return base::Errno{ENOMEM};
  void* next = reserve_address_space(capacity * sizeof(FrameIndex));
  if (next == nullptr) {
    munmap(arena, capacity * kPageSize);
    return base::Errno{ENOMEM};
  }
  madvise(arena, capacity * kPageSize, MADV_DONTDUMP);
  // Child processes do not need the contents, and copying the page tables of gigabytes would stall
  // the mount.
  madvise(arena, capacity * kPageSize, MADV_DONTFORK);
  std::unique_ptr<Frames> frames(new Frames(
      static_cast<std::byte*>(arena), static_cast<FrameIndex*>(next), capacity, std::move(hooks)));
  if (auto resized = frames->resize(bytes); !resized) return resized.error();
  return frames;
}

Frames::Frames(std::byte* arena, FrameIndex* next, std::size_t capacity, Hooks hooks)
    : arena_(arena), next_(next), capacity_(capacity), hooks_(std::move(hooks)) {}

Frames::~Frames() {
  munmap(arena_, capacity_ * kPageSize);
  munmap(next_, capacity_ * sizeof(FrameIndex));
}

base::Result<void> Frames::resize(std::uint64_t bytes) {
  const std::uint64_t budget = bytes / kPageSize;
  if (budget + kSlack > capacity_) return base::Errno{ENOMEM};
  {
    base::Lock lock(untouched_mutex_);
    const auto usable = std::max(usable_, static_cast<std::size_t>(budget + kSlack));
    if (!make_usable(arena_, usable_ * kPageSize, usable * kPageSize) ||
        !make_usable(next_, usable_ * sizeof(FrameIndex), usable * sizeof(FrameIndex))) {
      return base::Errno{ENOMEM};
    }
    usable_ = usable;
  }
  budget_.store(static_cast<std::size_t>(budget), std::memory_order_relaxed);
  return {};
}

std::size_t Frames::wanted_reserve() const {
  if (!keeps_reserve_.load(std::memory_order_relaxed)) return 0;
  return std::min<std::size_t>(budget_.load(std::memory_order_relaxed) / 16,
                               (std::size_t{64} << 20) / kPageSize);
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
  while (got < taken.size() && never_used_ < usable_)
    taken[got++] = static_cast<FrameIndex>(never_used_++);
  return got;
}

void Frames::take(std::span<FrameIndex> taken) {
  const std::size_t now = in_use_.fetch_add(taken.size(), std::memory_order_relaxed) + taken.size();
  std::size_t most = most_in_use_.load(std::memory_order_relaxed);
  while (now > most && !most_in_use_.compare_exchange_weak(most, now, std::memory_order_relaxed)) {
  }
  const std::size_t own = own_stripe();
  while (true) {
    for (std::size_t i = 0; i < kStripes && !taken.empty(); ++i) {
      if (free_used_.load(std::memory_order_relaxed) == 0) break;
      taken = taken.subspan(pop_used(stripes_[(own + i) % kStripes], taken));
    }
    if (taken.empty()) break;
    taken = taken.subspan(pop_untouched(taken));
    if (taken.empty()) break;
    // The missing frames are in another thread's hands, on their way between two stacks.
    std::this_thread::yield();
  }
  if (free_used_.load(std::memory_order_relaxed) < wanted_reserve() / 2) want_fill();
}

// Returns false near the limit, where too few free frames exist to fill the reserve.
bool Frames::may_fill() const {
  return in_use_.load(std::memory_order_relaxed) + wanted_reserve() <=
         budget_.load(std::memory_order_relaxed);
}

void Frames::want_fill() {
  if (!may_fill()) return;
  if (low_told_.load(std::memory_order_relaxed) || low_told_.exchange(true)) return;
  hooks_.low();
}

void Frames::push_used(std::span<const FrameIndex> frames) {
  Stripe& stripe = stripes_[own_stripe()];
  base::Lock lock(stripe.mutex);
  // The first frame goes on top, so that frames are taken in address order again, which copies
  // twice as fast.
  for (std::size_t i = frames.size(); i > 0; --i) push(stripe.stack, frames[i - 1]);
  free_used_.fetch_add(frames.size(), std::memory_order_relaxed);
}

void Frames::put(std::span<const FrameIndex> frames) {
  if (frames.empty()) return;
  push_used(frames);
  in_use_.fetch_sub(frames.size(), std::memory_order_relaxed);
  if (free_used_.load(std::memory_order_relaxed) > wanted_reserve() &&
      !surplus_told_.load(std::memory_order_relaxed) && !surplus_told_.exchange(true)) {
    hooks_.surplus();
  }
}

// Returns the number of frames that were free all the time, less the reserve.
std::size_t Frames::surplus(bool now) {
  const std::size_t in_use = in_use_.load(std::memory_order_relaxed);
  looks_[next_look_++ % kLooks] =
      std::max(in_use, most_in_use_.exchange(in_use, std::memory_order_relaxed));
  // Peaks under a larger budget will not be reached again.
  const std::size_t wave =
      std::min(*std::ranges::max_element(looks_), budget_.load(std::memory_order_relaxed));
  const std::size_t most = now ? in_use : std::max(in_use, wave);
  const std::size_t needed = (most - in_use) + wanted_reserve();
  const std::size_t free_now = free_used_.load(std::memory_order_relaxed);
  return free_now > needed ? free_now - needed : 0;
}

bool Frames::give_back(bool now) {
  std::size_t surplus = Frames::surplus(now);
  std::array<FrameIndex, kGiveBackBatch> batch;
  for (std::size_t stripe = 0; stripe < kStripes && surplus > 0;) {
    const std::span<FrameIndex> wanted = std::span(batch).first(std::min(surplus, batch.size()));
    const std::size_t got = pop_used(stripes_[stripe], wanted);
    discard(wanted.first(got));
    surplus -= got;
    if (got < wanted.size()) ++stripe;
  }
  if (free_used_.load(std::memory_order_relaxed) > wanted_reserve()) return true;
  surplus_told_.store(false);
  // Covers a put() between the check and the store, whose hook was not called.
  return free_used_.load() > wanted_reserve() && !surplus_told_.exchange(true);
}

// Works in chunks, so that concurrent takers find the frames that are ready.
void Frames::fill() {
  low_told_.store(false);
  std::array<FrameIndex, kFillBatch> batch;
  while (free_used_.load(std::memory_order_relaxed) < wanted_reserve() && may_fill()) {
    const auto chunk = std::span(batch).first(pop_untouched(batch));
    if (chunk.empty()) return;
    std::ranges::sort(chunk);
    for_each_run(chunk, [this](FrameIndex first, std::size_t count) {
      madvise(address(first), count * kPageSize, MADV_POPULATE_WRITE);
    });
    push_used(chunk);
  }
}

void Frames::discard(std::span<FrameIndex> frames) {
  std::sort(frames.begin(), frames.end());
  for_each_run(frames, [this](FrameIndex first, std::size_t count) {
    madvise(address(first), count * kPageSize, kGiveBack);
  });
  base::Lock lock(untouched_mutex_);
  // The lowest goes on top, so that neighbours are taken together again.
  for (std::size_t i = frames.size(); i > 0; --i) push(given_back_, frames[i - 1]);
}

std::uint64_t Frames::reserve_bytes() const {
  return free_used_.load(std::memory_order_relaxed) * kPageSize;
}

}  // namespace scratchfs::store

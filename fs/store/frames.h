// The memory that pages of content are in: one arena of frames, kPageSize bytes each, named by
// index.
//
// Free frames that have been used before are handed out first (their memory is mapped already:
// first touch is slow, most of all in guests), last freed first. A reserve of them is filled ahead
// of need; what nobody needed for a while is given back to the machine.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>

#include "fs/base/mutex.h"
#include "fs/base/result.h"
#include "fs/store/units.h"

namespace scratchfs::store {

using FrameIndex = std::uint32_t;

// Thread-safe. Frames are handed out dirty: whoever takes one zeroes or fills it before anyone
// reads it.
class Frames {
 public:
  // What is called when there is something to do for a background thread. They must not call back.
  struct Hooks {
    std::function<void()> surplus;  // give_back(), from put()
    std::function<void()> low;      // fill(), from take()
  };
  // `bytes`: what may be in use at once; `most`: what resize() may ask for, as far as there is
  // address space, which is all that is taken now. ENOMEM: there is none.
  static base::Result<std::unique_ptr<Frames>> create(std::uint64_t bytes, Hooks hooks,
                                                      std::uint64_t most = 0);
  ~Frames();
  Frames(const Frames&) = delete;
  Frames& operator=(const Frames&) = delete;

  std::byte* address(FrameIndex frame) const { return arena_ + std::size_t{frame} * kPageSize; }

  // Another number of bytes that may be in use at once. Fewer than are in use now is fine. ENOMEM:
  // more than create() was told.
  base::Result<void> resize(std::uint64_t bytes) EXCLUDES(untouched_mutex_);

  // Fills `taken`. Precondition: no more frames are in use than create() or a later resize() was
  // told, these included (the Budget sees to that), so it always succeeds.
  void take(std::span<FrameIndex> taken);
  void put(std::span<const FrameIndex> frames);

  // For one background thread. Gives back what stayed free beyond the reserve during the last
  // kLooks calls (MADV_DONTNEED), or at once with `now`. True: call again within a second or so.
  bool give_back(bool now);
  // While the machine is short of memory nothing is kept ready.
  void keep_reserve(bool on) { keeps_reserve_.store(on, std::memory_order_relaxed); }
  // For the same thread: puts memory behind free frames until the reserve is full.
  void fill();

  // Bytes of frames that are free and have memory behind them.
  std::uint64_t reserve_bytes() const;

  // Work that comes in waves finds its frames ready again if the next one is not later than so many
  // calls of give_back().
  static constexpr std::size_t kLooks = 5;

 private:
  static constexpr FrameIndex kNone = UINT32_MAX;
  static constexpr std::size_t kStripes = 8;
  // Frames that give_back() has in hand at once; the arena is larger by this and more, so nobody
  // ever waits for them.
  static constexpr std::size_t kGiveBackBatch = 1024;
  static constexpr std::size_t kFillBatch = 256;
  static constexpr std::size_t kSlack = 4 * kGiveBackBatch;

  // Free frames, linked through next_, the last freed on top.
  struct Stack {
    FrameIndex top = kNone;
    std::size_t size = 0;
  };
  struct alignas(64) Stripe {
    base::Mutex mutex;
    Stack stack GUARDED_BY(mutex);
  };

  Frames(std::byte* arena, FrameIndex* next, std::size_t capacity, Hooks hooks);
  void push(Stack& stack, FrameIndex frame);
  FrameIndex pop(Stack& stack);
  std::size_t pop_used(Stripe& stripe, std::span<FrameIndex> taken) EXCLUDES(stripe.mutex);
  std::size_t pop_untouched(std::span<FrameIndex> taken) EXCLUDES(untouched_mutex_);
  void push_used(std::span<const FrameIndex> frames);
  bool may_fill() const;
  void want_fill();
  std::size_t surplus(bool now);
  void discard(std::span<FrameIndex> frames) EXCLUDES(untouched_mutex_);

  // Frames that are kept ready.
  std::size_t reserve() const;

  std::byte* const arena_;
  FrameIndex* const next_;
  const std::size_t capacity_;  // frames that there is address space for
  const Hooks hooks_;
  std::atomic<std::size_t> budget_{0};  // frames that may be in use
  std::atomic<bool> keeps_reserve_{true};

  std::array<Stripe, kStripes> stripes_;
  base::Mutex untouched_mutex_;
  Stack given_back_ GUARDED_BY(untouched_mutex_);
  std::size_t never_used_ GUARDED_BY(untouched_mutex_) = 0;  // the first frame that nobody had yet
  std::size_t usable_ GUARDED_BY(untouched_mutex_) = 0;      // frames that may be touched

  std::atomic<std::size_t> free_used_{0};  // frames in all stripes
  std::atomic<std::size_t> in_use_{0};
  std::atomic<std::size_t> most_in_use_{0};  // since the last give_back()
  std::atomic<bool> surplus_told_{false};
  std::atomic<bool> low_told_{false};
  // The background thread's own: the most in use between its last looks.
  std::array<std::size_t, kLooks> looks_{};
  std::size_t next_look_ = 0;
};

}  // namespace scratchfs::store

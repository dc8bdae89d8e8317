// The memory of content pages: an arena of frames of kPageSize bytes, identified by index.
//
// Free frames that have been used before are reused first, in LIFO order, because their memory is
// mapped already (first touch is slow, most of all in guests). A reserve of them is filled ahead of
// need; frames that stay unused for a while are returned to the machine.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>

#include "fs/base/background.h"
#include "fs/base/mutex.h"
#include "fs/base/result.h"
#include "fs/store/units.h"

namespace scratchfs::store {

using FrameIndex = std::uint32_t;

// Thread-safe. Frames are not zeroed when taken: the taker must zero or fill them before anyone
// reads them.
class Frames {
 public:
  // Called when a background thread has work to do. They must not call back.
  struct Hooks {
    std::function<void()> surplus;  // from put(): give_back() has work
    std::function<void()> low;      // from take(): fill() has work
  };
  // `bytes` is the limit of frames in use; `most` is the upper bound for resize(), as far as
  // address space is available. Only address space is allocated here. ENOMEM: there is not enough
  // of it.
  static base::Result<std::unique_ptr<Frames>> create(std::uint64_t bytes, Hooks hooks,
                                                      std::uint64_t most = 0);
  ~Frames();

  std::byte* address(FrameIndex frame) const { return arena_ + std::size_t{frame} * kPageSize; }

  // Changes the limit of bytes in use. It may be less than what is in use now. ENOMEM: more than
  // the upper bound of create().
  base::Result<void> resize(std::uint64_t bytes) EXCLUDES(untouched_mutex_);

  // Fills `taken` and always succeeds. REQUIRES: the frames in use, including these, are within the
  // limit of create() or the last resize(), which the Budget ensures.
  void take(std::span<FrameIndex> taken);
  void put(std::span<const FrameIndex> frames);

  // For one background thread. Returns frames to the machine (MADV_DONTNEED) that stayed free
  // beyond the reserve during the last kLooks calls, or, with `now`, all free frames beyond the
  // reserve. Returns true if it should be called again within about a second.
  bool give_back(bool now);
  // Turns the reserve off while the machine is short of memory.
  void keep_reserve(bool on) { keeps_reserve_.store(on, std::memory_order_relaxed); }
  // For the same thread: populates free frames with memory until the reserve is full.
  void fill();

  // Returns the bytes of free frames that have memory behind them.
  std::uint64_t reserve_bytes() const;

  // Periodic work finds its frames still mapped if its next burst comes within this many calls of
  // give_back().
  static constexpr std::size_t kLooks = 5;

 private:
  static constexpr FrameIndex kNone = UINT32_MAX;
  static constexpr std::size_t kStripes = 8;
  // Frames that give_back() handles at once. The arena is larger by more than this, so that takers
  // never have to wait for them.
  static constexpr std::size_t kGiveBackBatch = 1024;
  static constexpr std::size_t kFillBatch = 256;
  static constexpr std::size_t kSlack = 4 * kGiveBackBatch;

  // Free frames, linked through next_; the most recently freed is on top.
  struct Stack {
    FrameIndex top = kNone;
    std::size_t size = 0;
  };
  struct alignas(64) Stripe {
    base::Mutex mutex;
    Stack stack GUARDED_BY(mutex);
  };

  Frames(std::byte* arena, FrameIndex* next, std::size_t capacity, Hooks hooks);
  // Each thread keeps to one stripe, so that it reuses the frames that it has freed.
  static std::size_t own_stripe() { return base::number_of_this_thread() % kStripes; }
  void push(Stack& stack, FrameIndex frame);
  FrameIndex pop(Stack& stack);
  std::size_t pop_used(Stripe& stripe, std::span<FrameIndex> taken) EXCLUDES(stripe.mutex);
  std::size_t pop_untouched(std::span<FrameIndex> taken) EXCLUDES(untouched_mutex_);
  void push_used(std::span<const FrameIndex> frames);
  bool may_fill() const;
  void want_fill();
  std::size_t surplus(bool now);
  void discard(std::span<FrameIndex> frames) EXCLUDES(untouched_mutex_);

  // Returns the number of frames to keep in reserve.
  std::size_t wanted_reserve() const;

  std::byte* const arena_;
  FrameIndex* const next_;
  const std::size_t capacity_;  // frames that there is address space for
  const Hooks hooks_;
  std::atomic<std::size_t> budget_{0};  // limit of frames in use
  std::atomic<bool> keeps_reserve_{true};

  std::array<Stripe, kStripes> stripes_;
  base::Mutex untouched_mutex_;
  Stack given_back_ GUARDED_BY(untouched_mutex_);
  std::size_t never_used_ GUARDED_BY(untouched_mutex_) = 0;  // first frame that was never used
  std::size_t usable_ GUARDED_BY(untouched_mutex_) = 0;      // frames that may be touched

  std::atomic<std::size_t> free_used_{0};  // frames in all stripes
  std::atomic<std::size_t> in_use_{0};
  std::atomic<std::size_t> most_in_use_{0};  // since the last give_back()
  std::atomic<bool> surplus_told_{false};
  std::atomic<bool> low_told_{false};
  // For the background thread only: the peaks of frames in use, one for each of the last kLooks
  // calls of give_back().
  std::array<std::size_t, kLooks> looks_{};
  std::size_t next_look_ = 0;
};

}  // namespace scratchfs::store

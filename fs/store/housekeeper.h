// A background thread that releases what the store no longer needs: disk space soon after it is
// free, memory when it is idle. It also keeps the reserve of free frames full.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <thread>

#include "fs/base/mutex.h"
#include "fs/base/result.h"
#include "fs/store/frames.h"
#include "fs/store/slots.h"

namespace scratchfs::store {

class Housekeeper {
 public:
  // Interval between checks for idle frames; those that stay free for Frames::kLooks checks are
  // surplus.
  static constexpr std::chrono::milliseconds kLook{1000};

  explicit Housekeeper(std::chrono::milliseconds look = kLook) : look_(look) {}
  ~Housekeeper() { stop(); }

  // Starts the thread. Neither argument is owned; `slots` may be null. EAGAIN: no thread could be
  // started.
  base::Result<void> start(Frames& frames, Slots* slots);
  // Ends the thread; idempotent. `frames` and `slots` must live until then.
  void stop() EXCLUDES(mutex_);

  // Report that there is something to release. Cheap: takes one leaf mutex. May be called before
  // start().
  void stale_slots() EXCLUDES(mutex_) { ask_for(kSlots); }
  void surplus_frames() EXCLUDES(mutex_) { ask_for(kFrames); }
  // Requests that the reserve of free frames be filled at once.
  void low_frames() EXCLUDES(mutex_) { ask_for(kReserve); }
  // While memory is short, no reserve is kept, and free frames are returned to the machine at once.
  void short_of_memory(bool on) EXCLUDES(mutex_);
  // Reports freed heap memory, which malloc(3) keeps unless it is trimmed.
  void freed_heap(std::uint64_t bytes) EXCLUDES(mutex_);

 private:
  // Trimming walks the heap, so it waits until this much was freed.
  static constexpr std::uint64_t kHeapWorthTrimming = 8ULL << 20;
  // Slots are freed in bursts: waiting this long makes few large holes of many small ones.
  static constexpr std::chrono::milliseconds kCollect{200};

  // What there is to do.
  enum Work : unsigned { kSlots = 1, kFrames = 2, kReserve = 4, kHeap = 8, kStop = 16 };
  static constexpr unsigned kUrgent = kReserve | kStop;

  void ask_for(Work work) EXCLUDES(mutex_);
  void run() EXCLUDES(mutex_);
  unsigned wait() EXCLUDES(mutex_);
  void work(unsigned asked);

  const std::chrono::milliseconds look_;
  Frames* frames_ = nullptr;
  Slots* slots_ = nullptr;
  base::Mutex mutex_;
  base::Condition told_;
  unsigned work_ GUARDED_BY(mutex_) = 0;             // a set of Work
  std::atomic<bool> short_ = false;                  // the machine is short of memory
  std::atomic<std::uint64_t> heap_freed_ = 0;        // since trimming was last requested
  std::chrono::steady_clock::time_point next_look_;  // for the check of frames; for the thread only
  std::thread thread_;
};

}  // namespace scratchfs::store

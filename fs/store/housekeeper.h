// Gives back to the machine what the store no longer needs: disk space soon after it went free,
// memory when idle. Keeps free frames ready.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <thread>

#include "fs/base/mutex.h"
#include "fs/base/result.h"
#include "fs/store/frames.h"
#include "fs/store/slots.h"

namespace scratchfs::store {

class Housekeeper {
 public:
  // Between two looks at idle frames; those that were free in Frames::kLooks of them are surplus.
  static constexpr std::chrono::milliseconds kLook{1000};

  explicit Housekeeper(std::chrono::milliseconds look = kLook) : look_(look) {}
  ~Housekeeper() { stop(); }
  Housekeeper(const Housekeeper&) = delete;
  Housekeeper& operator=(const Housekeeper&) = delete;

  // Neither is owned; `slots` may be null. EAGAIN: no thread could be made.
  base::Result<void> start(Frames& frames, Slots* slots);
  // Ends the thread; calling again does nothing. `frames` and `slots` must live until then.
  void stop() EXCLUDES(mutex_);

  // There is something to give back. Cheap, takes one leaf mutex; may be called before start().
  void stale_slots() EXCLUDES(mutex_);
  void surplus_frames() EXCLUDES(mutex_);
  // Free frames are to be filled with memory, at once.
  void low_frames() EXCLUDES(mutex_);
  // While the machine is short of memory nothing is kept ready, and what goes free is given back.
  void short_of_memory(bool on) EXCLUDES(mutex_);
  // So many bytes of the heap went free: malloc(3) keeps them to itself unless it is asked.
  void freed_heap(std::uint64_t bytes) EXCLUDES(mutex_);

 private:
  // Trimming walks the heap, so it waits for this much to have gone free.
  static constexpr std::uint64_t kHeapWorthTrimming = 8ULL << 20;
  // Frees come in bursts: collecting them for this long makes few large holes of many small ones.
  static constexpr std::chrono::milliseconds kCollect{200};

  void run() EXCLUDES(mutex_);
  bool wait() EXCLUDES(mutex_);
  void work() EXCLUDES(mutex_);

  const std::chrono::milliseconds look_;
  Frames* frames_ = nullptr;
  Slots* slots_ = nullptr;
  base::Mutex mutex_;
  base::Condition told_;
  bool stale_ GUARDED_BY(mutex_) = false;
  bool surplus_ GUARDED_BY(mutex_) = false;
  bool low_ GUARDED_BY(mutex_) = false;
  bool heap_ GUARDED_BY(mutex_) = false;
  std::atomic<bool> short_ = false;            // of memory
  std::atomic<std::uint64_t> heap_freed_ = 0;  // since the last trimming was asked for
  bool stopping_ GUARDED_BY(mutex_) = false;
  std::chrono::steady_clock::time_point next_look_;  // at the frames; the thread's own
  std::thread thread_;
};

}  // namespace scratchfs::store

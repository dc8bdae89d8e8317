#include "fs/store/housekeeper.h"

#include <malloc.h>

#include <utility>

#include "fs/base/background.h"
#include "fs/base/memory_pressure.h"

namespace scratchfs::store {

base::Result<void> Housekeeper::start(Frames& frames, Slots* slots) {
  frames_ = &frames;
  slots_ = slots;
  auto thread = base::start_thread("housekeeper", [this] { run(); });
  if (!thread) return thread.error();
  thread_ = *std::move(thread);
  return {};
}

void Housekeeper::stop() {
  {
    base::Lock lock(mutex_);
    stopping_ = true;
  }
  told_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Housekeeper::stale_slots() {
  {
    base::Lock lock(mutex_);
    stale_ = true;
  }
  told_.notify_one();
}

void Housekeeper::surplus_frames() {
  {
    base::Lock lock(mutex_);
    surplus_ = true;
  }
  told_.notify_one();
}

void Housekeeper::short_of_memory(bool on) {
  short_.store(on);
  frames_->keep_reserve(!on);
  if (on) surplus_frames();
}

void Housekeeper::freed_heap(std::uint64_t bytes) {
  if (heap_freed_.fetch_add(bytes, std::memory_order_relaxed) + bytes < kHeapWorthTrimming) return;
  heap_freed_.store(0, std::memory_order_relaxed);
  {
    base::Lock lock(mutex_);
    heap_ = true;
  }
  told_.notify_one();
}

void Housekeeper::low_frames() {
  {
    base::Lock lock(mutex_);
    low_ = true;
  }
  told_.notify_one();
}

// Waits for work. Returns true if it must be done at once, without collecting more of it.
bool Housekeeper::wait() {
  base::Lock lock(mutex_);
  while (!stopping_ && !stale_ && !surplus_ && !heap_ && !low_) told_.wait(mutex_);
  const auto until = std::chrono::steady_clock::now() + kCollect;
  while (!stopping_ && !low_ && std::chrono::steady_clock::now() < until) {
    told_.wait_for(mutex_, until - std::chrono::steady_clock::now());
  }
  return stopping_ || std::exchange(low_, false);
}

void Housekeeper::run() {
  while (true) {
    if (!wait()) {
      work();
      continue;
    }
    {
      base::Lock lock(mutex_);
      if (stopping_) return;
    }
    frames_->fill();
  }
}

void Housekeeper::work() {
  bool stale = false;
  bool surplus = false;
  bool heap = false;
  {
    base::Lock lock(mutex_);
    std::swap(stale, stale_);
    std::swap(heap, heap_);
    surplus = surplus_;
  }
  if (stale && slots_ != nullptr) slots_->give_back();
  if (heap) malloc_trim(0);
  const auto now = std::chrono::steady_clock::now();
  if (!surplus || now < next_look_) return;
  next_look_ = now + look_;
  // Cleared first, because a put() right after give_back() may set it again.
  {
    base::Lock lock(mutex_);
    surplus_ = false;
  }
  // Under pressure, even memory that may be needed again soon is released now.
  if (frames_->give_back(short_.load() || base::is_short_of_memory())) surplus_frames();
}

}  // namespace scratchfs::store

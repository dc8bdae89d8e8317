#include "fs/store/housekeeper.h"

#include <malloc.h>

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
  ask_for(kStop);
  if (thread_.joinable()) thread_.join();
}

void Housekeeper::ask_for(Work work) {
  {
    base::Lock lock(mutex_);
    work_ |= work;
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
  ask_for(kHeap);
}

// Waits for work, and collects more of it unless it is urgent. Returns it.
unsigned Housekeeper::wait() {
  base::Lock lock(mutex_);
  while (work_ == 0) told_.wait(mutex_);
  const auto until = std::chrono::steady_clock::now() + kCollect;
  while ((work_ & kUrgent) == 0 && std::chrono::steady_clock::now() < until) {
    told_.wait_for(mutex_, until - std::chrono::steady_clock::now());
  }
  // Urgent work is done at once, what is less urgent afterwards.
  const unsigned now = (work_ & kUrgent) != 0 ? work_ & kUrgent : work_;
  work_ &= ~now;
  return now;
}

void Housekeeper::run() {
  for (unsigned now = wait(); (now & kStop) == 0; now = wait()) work(now);
}

void Housekeeper::work(unsigned asked) {
  if ((asked & kReserve) != 0) frames_->fill();
  if ((asked & kSlots) != 0 && slots_ != nullptr) slots_->give_back();
  if ((asked & kHeap) != 0) malloc_trim(0);
  if ((asked & kFrames) == 0) return;
  const auto now = std::chrono::steady_clock::now();
  // Under pressure, even memory that may be needed again soon is released now.
  const bool due = now >= next_look_;
  if (due) next_look_ = now + look_;
  if (!due || frames_->give_back(short_.load() || base::is_short_of_memory())) surplus_frames();
}

}  // namespace scratchfs::store

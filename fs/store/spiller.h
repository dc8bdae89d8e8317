// The eviction threads: spill cold blocks while memory is above the target, in batches that become
// large writes.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "fs/base/log_limiter.h"
#include "fs/base/memory_shortage.h"
#include "fs/base/mutex.h"
#include "fs/base/result.h"
#include "fs/store/blocks.h"
#include "fs/store/budget.h"
#include "fs/store/disk_buffer.h"
#include "fs/store/slots.h"

namespace scratchfs::store {

class Spiller {
 public:
  // Starts the threads. None of the arguments is owned. ENOMEM: no memory; EAGAIN: no thread could
  // be started.
  static base::Result<std::unique_ptr<Spiller>> create(Blocks& blocks, Budget& budget,
                                                       Slots& slots);
  // Ends the waits of the budget, then the threads.
  ~Spiller();

  // Returns the number of failed writes to the spill files.
  std::uint64_t errors() const { return errors_.load(std::memory_order_relaxed); }

 private:
  // One encrypts while the other one writes.
  static constexpr int kThreads = 2;
  static constexpr std::uint64_t kBatchBytes = 1 << 20;  // bytes of pages
  // A slot is less than twice as large as the pages in it.
  static constexpr std::size_t kBufferBytes = 2 * kBatchBytes;
  static constexpr std::chrono::milliseconds kShortestPause{50};
  static constexpr std::chrono::milliseconds kLongestPause{1000};

  // The work of one thread.
  struct Batch {
    std::vector<Leaving> leaving;
    std::vector<Leaving*> order;   // the same, sorted by slot size
    std::vector<Leaving*> sealed;  // those that are in the buffer
    DiskBuffer buffer;
  };
  struct Outcome {
    std::uint64_t evicted = 0;  // bytes
    std::size_t written = 0;    // blocks
    std::optional<base::Errno> error;
  };

  Spiller(Blocks& blocks, Budget& budget, Slots& slots)
      : blocks_(blocks), budget_(budget), slots_(slots) {}
  void run(Batch batch);
  // Returns true if anything left memory, or can leave it at once.
  bool round(Batch& batch, std::uint64_t wanted) EXCLUDES(choosing_, mutex_);
  Blocks::Choice choose(std::uint64_t wanted, std::uint64_t ample, Batch& batch)
      EXCLUDES(choosing_, mutex_);
  Outcome write(Batch& batch);
  void seal_all(Batch& batch);
  std::optional<SlotRun> allocate(SlotClass size, std::uint32_t wanted);
  std::size_t write_run(std::span<Leaving* const> sealed, const std::byte* bytes, Outcome& outcome);
  void report(base::Errno error) EXCLUDES(mutex_);
  void report_success() EXCLUDES(mutex_);
  bool may_write() EXCLUDES(mutex_);

  Blocks& blocks_;
  Budget& budget_;
  Slots& slots_;
  std::atomic<std::uint64_t> errors_{0};
  base::LogLimiter log_{std::chrono::seconds(5)};
  base::MemoryShortage memory_{"spilling"};
  base::Mutex choosing_{base::Rank::choosing};
  base::Mutex mutex_;
  Budget::Clock::time_point retry_at_ GUARDED_BY(mutex_);
  std::chrono::milliseconds backoff_ GUARDED_BY(mutex_){0};  // 0: the last write succeeded
  std::vector<std::thread> threads_;
};

}  // namespace scratchfs::store

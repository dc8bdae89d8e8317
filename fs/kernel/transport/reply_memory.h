// Buffers for replies that have no ring payload to go into, and a limit on their total size.
#pragma once

#include <chrono>
#include <cstddef>
#include <span>

#include "fs/base/deadline.h"
#include "fs/base/mutex.h"
#include "fs/base/result.h"
#include "fs/kernel/transport/parked_bytes.h"

namespace scratchfs::kernel {

// Returns the calling thread's buffer of at least `size` bytes. It stays valid until the thread
// calls this again, gives the buffer back, or ends. Throws bad_alloc.
std::span<std::byte> thread_buffer(std::size_t size);
// Largest buffer that a worker keeps between tasks, in bytes.
inline constexpr std::size_t kKeptBuffer = 128U << 10;
// Frees the calling thread's buffer if it is larger than kKeptBuffer.
void give_back_large_buffer();

// Limits the memory in which workers build replies: 264 workers could use 1 MiB each. Thread-safe.
class ReplyRoom {
 public:
  static constexpr std::size_t kMost = 64U << 20;  // bytes

  using Share = kernel::Share<ReplyRoom>;

  // Reserves `bytes`, at most kMost. Waits for other reservations to end; on failure returns the
  // error of `wait`.
  base::Result<Share> take(std::size_t bytes, base::Wait wait) EXCLUDES(mutex_);
  void give(std::size_t bytes) EXCLUDES(mutex_);  // for Share

 private:
  base::Mutex mutex_;
  base::Condition given_;
  std::size_t taken_ GUARDED_BY(mutex_) = 0;
  base::CancellableDeadline::Clock::time_point given_at_ GUARDED_BY(mutex_);
};

}  // namespace scratchfs::kernel

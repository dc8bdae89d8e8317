// Memory that replies are built in where the kernel brings none, and how much of it there is.
#pragma once

#include <chrono>
#include <cstddef>
#include <span>
#include <utility>

#include "fs/base/mutex.h"
#include "fs/base/patience.h"
#include "fs/base/result.h"

namespace scratchfs::kernel {

// The calling thread's own buffer, at least `size` bytes; valid until it asks again, gives it back,
// or ends. Throws bad_alloc.
std::span<std::byte> thread_buffer(std::size_t size);
// A worker keeps no larger one from one task to the next.
inline constexpr std::size_t kKeptBuffer = 128U << 10;
// Gives the calling thread's buffer back to the machine if it is larger than that.
void give_back_large_buffer();

// Bounds what workers build at once: up to 264 of them could have 1 MiB each. Thread-safe.
class ReplyRoom {
 public:
  static constexpr std::size_t kMost = 64U << 20;  // bytes

  // Bytes that are taken until its end.
  class Share {
   public:
    Share(ReplyRoom& room, std::size_t bytes) : room_(&room), bytes_(bytes) {}
    Share(Share&& other) noexcept
        : room_(std::exchange(other.room_, nullptr)), bytes_(other.bytes_) {}
    Share& operator=(Share&&) = delete;
    ~Share() {
      if (room_ != nullptr) room_->give(bytes_);
    }

   private:
    ReplyRoom* room_;
    std::size_t bytes_;
  };

  // `bytes` at most kMost. Waits for others to end; what `wait` ends with.
  base::Result<Share> take(std::size_t bytes, base::Wait wait) EXCLUDES(mutex_);

 private:
  void give(std::size_t bytes) EXCLUDES(mutex_);

  base::Mutex mutex_;
  base::Condition given_;
  std::size_t taken_ GUARDED_BY(mutex_) = 0;
  base::Patience::Clock::time_point given_at_ GUARDED_BY(mutex_);
};

}  // namespace scratchfs::kernel

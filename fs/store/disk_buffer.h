// Buffers for O_DIRECT transfers: page-aligned, in whole pages. They only ever hold encrypted data.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <memory>
#include <vector>

#include "fs/base/mutex.h"
#include "fs/store/units.h"

namespace scratchfs::store {

struct FreeBuffer {
  void operator()(std::byte* buffer) const { std::free(buffer); }
};
using DiskBuffer = std::unique_ptr<std::byte, FreeBuffer>;

// REQUIRES: `bytes` is a multiple of kPageSize. Returns nullptr if memory is lacking.
inline DiskBuffer make_disk_buffer(std::size_t bytes) {
  return DiskBuffer(static_cast<std::byte*>(std::aligned_alloc(kPageSize, bytes)));
}

// A pool of buffers of one size. Thread-safe.
class DiskBuffers {
 public:
  explicit DiskBuffers(std::size_t bytes) : bytes_(bytes) {
    const base::Lock lock(mutex_);  // uncontended; for the thread-safety analysis
    idle_.reserve(kKept);           // so that put() does not throw
  }

  DiskBuffer take() EXCLUDES(mutex_) {
    {
      base::Lock lock(mutex_);
      if (!idle_.empty()) {
        DiskBuffer buffer = std::move(idle_.back());
        idle_.pop_back();
        return buffer;
      }
    }
    return make_disk_buffer(bytes_);
  }

  void put(DiskBuffer buffer) EXCLUDES(mutex_) {
    base::Lock lock(mutex_);
    if (idle_.size() < kKept) idle_.push_back(std::move(buffer));
  }

 private:
  static constexpr std::size_t kKept = 8;

  const std::size_t bytes_;
  base::Mutex mutex_;
  std::vector<DiskBuffer> idle_ GUARDED_BY(mutex_);
};

}  // namespace scratchfs::store

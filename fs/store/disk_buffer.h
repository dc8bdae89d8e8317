// Memory that O_DIRECT transfers take: aligned, in whole pages. It only ever holds what is
// encrypted.
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

// `bytes` is a multiple of kPageSize. nullptr: no memory.
inline DiskBuffer make_disk_buffer(std::size_t bytes) {
  return DiskBuffer(static_cast<std::byte*>(std::aligned_alloc(kPageSize, bytes)));
}

// Buffers of one size that are used again. Thread-safe.
class DiskBuffers {
 public:
  explicit DiskBuffers(std::size_t bytes) : bytes_(bytes) {
    const base::Lock lock(mutex_);  // uncontended: it tells the analysis
    idle_.reserve(kKept);           // put() throws nothing
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

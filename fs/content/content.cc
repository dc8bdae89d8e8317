#include "fs/content/content.h"

namespace scratchfs::content {

Content::~Content() {
  base::Lock lock(mutex_);  // uncontended; for the thread-safety analysis
  store_.remove_small(small_.room());
  charge_.shrink({.bytes = allocated()});
}

std::uint64_t Content::spilled() const {
  constexpr int kBlocksAtOnce = 128;  // examined before the lock is released
  std::uint64_t bytes = 0;
  for (std::uint64_t index = 0;;) {
    base::SharedLock lock(mutex_);
    for (int i = 0; i < kBlocksAtOnce; ++i) {
      const auto entry = blocks_.next(index);
      if (!entry) return bytes;
      bytes += store_.spilled_bytes(*entry->block);
      index = entry->index + 1;
    }
  }
}

}  // namespace scratchfs::content

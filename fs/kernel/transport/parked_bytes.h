// How much of what programs write is copied while their requests are parked.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <utility>

namespace scratchfs::kernel {

// Over /dev/fuse a parked request's data is a copy on the heap, which no budget counts. Up to
// kFreely each is kept whole. Beyond that each is cut to kPiece, so that its write ends short, as
// write(2) may where a resource is short; beyond kAtMost none is kept. Thread-safe.
class KeptBytes {
 public:
  static constexpr std::size_t kFreely = 64U << 20;
  static constexpr std::size_t kPiece = 64U << 10;
  static constexpr std::size_t kAtMost = 256U << 20;

  // How many of `wanted` bytes may be kept, and counts them. With `whole` all or nothing but never
  // refused: the kernel's write-back, of which it lets so many be under way itself, has nobody to
  // write the rest.
  std::size_t take(std::size_t wanted, bool whole) {
    const std::size_t before = kept_.load(std::memory_order_relaxed);
    std::size_t taken = wanted;
    if (!whole && before + wanted > kFreely) taken = std::min(wanted, kPiece);
    if (!whole && before + taken > kAtMost) return 0;
    kept_.fetch_add(taken, std::memory_order_relaxed);
    return taken;
  }
  void give(std::size_t bytes) { kept_.fetch_sub(bytes, std::memory_order_relaxed); }
  std::size_t now() const { return kept_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::size_t> kept_ = 0;
};

// Bytes that are counted until its end.
class KeptShare {
 public:
  KeptShare() = default;
  KeptShare(KeptBytes& all, std::size_t bytes) : all_(&all), bytes_(bytes) {}
  KeptShare(KeptShare&& other) noexcept
      : all_(std::exchange(other.all_, nullptr)), bytes_(other.bytes_) {}
  KeptShare& operator=(KeptShare&&) = delete;
  ~KeptShare() {
    if (all_ != nullptr) all_->give(bytes_);
  }
  std::size_t bytes() const { return bytes_; }

 private:
  KeptBytes* all_ = nullptr;
  std::size_t bytes_ = 0;
};

}  // namespace scratchfs::kernel

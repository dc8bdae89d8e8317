// Limits how much written data is copied to the heap for parked requests.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <utility>

namespace scratchfs::kernel {

// Bytes taken from `All`; the destructor gives them back.
template <typename All>
class Share {
 public:
  Share() = default;
  Share(All& all, std::size_t bytes) : all_(&all), bytes_(bytes) {}
  Share(Share&& other) noexcept : all_(std::exchange(other.all_, nullptr)), bytes_(other.bytes_) {}
  Share& operator=(Share&&) = delete;
  ~Share() {
    if (all_ != nullptr) all_->give(bytes_);
  }
  std::size_t bytes() const { return bytes_; }

 private:
  All* all_ = nullptr;
  std::size_t bytes_ = 0;
};

// Over /dev/fuse the data of a parked WRITE is a copy on the heap that no budget counts. Up to
// kFreely bytes in total each request is copied whole. Beyond that each is cut to kPiece, so that
// its write ends short, as write(2) may when a resource is scarce. Beyond kAtMost nothing is
// copied. Thread-safe.
class ParkedBytes {
 public:
  static constexpr std::size_t kFreely = 64U << 20;
  static constexpr std::size_t kPiece = 64U << 10;
  static constexpr std::size_t kAtMost = 256U << 20;

  // Reserves up to `wanted` bytes and returns how many; 0 if there is no room. `whole` reserves all
  // of them regardless of the limits: it is set for the kernel's writeback, where nobody would
  // write the rest. The kernel itself bounds the writeback in flight.
  std::size_t take(std::size_t wanted, bool whole) {
    const std::size_t before = copied_.load(std::memory_order_relaxed);
    std::size_t taken = wanted;
    if (!whole && before + wanted > kFreely) taken = std::min(wanted, kPiece);
    if (!whole && before + taken > kAtMost) return 0;
    copied_.fetch_add(taken, std::memory_order_relaxed);
    return taken;
  }
  void give(std::size_t bytes) { copied_.fetch_sub(bytes, std::memory_order_relaxed); }
  std::size_t now() const { return copied_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::size_t> copied_ = 0;
};

using ParkedShare = Share<ParkedBytes>;

}  // namespace scratchfs::kernel

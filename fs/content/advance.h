// Bytes charged before what they are for exists.
#pragma once

#include <cstdint>
#include <utility>

#include "fs/quota/ledger.h"

namespace scratchfs::content {

// What is not spent by the end of its scope goes back to the charge.
class Advance {
 public:
  explicit Advance(limits::Charge& charge) : charge_(&charge) {}
  Advance(Advance&& other) noexcept
      : charge_(other.charge_), bytes_(std::exchange(other.bytes_, 0)) {}
  Advance& operator=(Advance&& other) noexcept {
    std::swap(charge_, other.charge_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~Advance() { give_back(bytes_); }

  std::uint64_t bytes() const { return bytes_; }

  // Has at least `bytes` afterwards, or (EDQUOT) what it had before.
  base::Result<void> raise_to(std::uint64_t bytes) {
    if (bytes <= bytes_) return {};
    if (auto grown = charge_->grow({.bytes = bytes - bytes_}); !grown) return grown.error();
    bytes_ = bytes;
    return {};
  }
  // The same in units of `unit` bytes, `count` of them or as many fewer as the limit allows;
  // answers how many.
  std::uint64_t raise_to_most(std::uint64_t count, std::uint64_t unit) {
    while (count > 0 && !raise_to(count * unit)) --count;
    return count;
  }
  // `bytes` of it stay charged: what they were for exists now. Precondition: it has as many.
  void spend(std::uint64_t bytes) { bytes_ -= bytes; }
  // Moves `bytes` of it into a new one. Precondition: it has as many.
  Advance split(std::uint64_t bytes) {
    Advance part(*charge_);
    part.bytes_ = bytes;
    bytes_ -= bytes;
    return part;
  }

 private:
  void give_back(std::uint64_t bytes) {
    if (bytes > 0) charge_->shrink({.bytes = bytes});
  }

  limits::Charge* charge_;
  std::uint64_t bytes_ = 0;
};

}  // namespace scratchfs::content

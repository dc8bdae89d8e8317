// Reserves bytes of a quota charge before the pages that they pay for exist.
#pragma once

#include <cstdint>
#include <utility>

#include "fs/quota/ledger.h"

namespace scratchfs::content {

// A reservation of bytes. The destructor returns what was not spent to the charge.
class ChargeReservation {
 public:
  explicit ChargeReservation(quota::Charge& charge) : charge_(&charge) {}
  ChargeReservation(ChargeReservation&& other) noexcept
      : charge_(other.charge_), bytes_(std::exchange(other.bytes_, 0)) {}
  ChargeReservation& operator=(ChargeReservation&& other) noexcept {
    std::swap(charge_, other.charge_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~ChargeReservation() { give_back(bytes_); }

  std::uint64_t bytes() const { return bytes_; }

  // Raises the reservation to at least `bytes`. EDQUOT changes nothing.
  base::Result<void> raise_to(std::uint64_t bytes) {
    if (bytes <= bytes_) return {};
    if (auto grown = charge_->grow({.bytes = bytes - bytes_}); !grown) return grown.error();
    bytes_ = bytes;
    return {};
  }
  // Raises it to `count` units of `unit` bytes, or to as many fewer as the limit allows. Returns
  // the number of units.
  std::uint64_t raise_to_most(std::uint64_t count, std::uint64_t unit) {
    while (count > 0 && !raise_to(count * unit)) --count;
    return count;
  }
  // Turns `bytes` of the reservation into a permanent charge, because what they pay for exists now.
  // REQUIRES: bytes() >= `bytes`.
  void spend(std::uint64_t bytes) { bytes_ -= bytes; }
  // Moves `bytes` into a new reservation. REQUIRES: bytes() >= `bytes`.
  ChargeReservation split(std::uint64_t bytes) {
    ChargeReservation part(*charge_);
    part.bytes_ = bytes;
    bytes_ -= bytes;
    return part;
  }

 private:
  void give_back(std::uint64_t bytes) {
    if (bytes > 0) charge_->shrink({.bytes = bytes});
  }

  quota::Charge* charge_;
  std::uint64_t bytes_ = 0;
};

}  // namespace scratchfs::content

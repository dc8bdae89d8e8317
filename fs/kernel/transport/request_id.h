// What libfuse does not tell of a request: the number by which the kernel knows it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace scratchfs::kernel {

// The number of the request whose handler this thread runs; 0: not known, so that it cannot be
// interrupted.
std::uint64_t current_number();

// Says it for as long as it lives.
class CurrentNumber {
 public:
  explicit CurrentNumber(std::uint64_t number);
  ~CurrentNumber();
  CurrentNumber(const CurrentNumber&) = delete;
  CurrentNumber& operator=(const CurrentNumber&) = delete;
};

// What begins each request that is read from /dev/fuse (fuse(4)).
struct Arrival {
  std::uint64_t number = 0;
  std::optional<std::uint64_t> interrupts;  // an INTERRUPT: the number of the request it is for
};
Arrival arrival_of(std::span<const std::byte> request);

}  // namespace scratchfs::kernel

// The kernel's id of a request (`fuse_in_header.unique`), which libfuse does not expose.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace scratchfs::kernel {

// Returns the id of the request whose handler runs on this thread; 0 if it is unknown, so that the
// request cannot be interrupted.
std::uint64_t current_request_id();

// Sets the thread's current id for its lifetime.
class CurrentRequestId {
 public:
  explicit CurrentRequestId(std::uint64_t id);
  ~CurrentRequestId();
  CurrentRequestId(const CurrentRequestId&) = delete;
  CurrentRequestId& operator=(const CurrentRequestId&) = delete;
};

// The header fields of a request read from /dev/fuse (fuse(4)).
struct RequestIds {
  std::uint64_t id = 0;
  // For an INTERRUPT: the id of the request to interrupt.
  std::optional<std::uint64_t> interrupts;
};
RequestIds request_ids_of(std::span<const std::byte> request);

}  // namespace scratchfs::kernel

// Returns unused memory of a ring's entries to the system. libfuse maps 1 MiB per entry and never
// frees it.
//
// Once the kernel has taken an entry's reply, it may put the next request there at any moment, but
// only while the ring's own thread is in the kernel: io_uring runs this on the thread that
// submitted the entry. So that thread can return the pages safely (page_moves.h).
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "fs/kernel/transport/fuse.h"

struct fuse_in_header;

namespace scratchfs::kernel {

// The memory of one ring. For the ring's own thread, except note_answered().
class RingMemory {
 public:
  using Clock = std::chrono::steady_clock;
  // Memory that was not used between two scans is returned.
  static constexpr std::chrono::seconds kLook{1};
  // A scan pauses after so many entries, because requests of this core wait meanwhile (0.2 ms
  // each).
  static constexpr std::size_t kMostAtOnce = 8;
  static constexpr std::chrono::milliseconds kPause{10};

  // Allocates bookkeeping for `entries`. If that fails, memory is never returned.
  void reserve(std::size_t entries);

  // Notes that libfuse is about to handle `request`, whose header lies at `header` in the entry's
  // memory.
  void note_taken(fuse_req_t request, const fuse_in_header* header);
  // Notes that the reply goes into the submission queue. REQUIRES: the ring's own thread, or the
  // ring's lock is held.
  void note_answered(fuse_req_t request);

  // Returns after what time a look() may find memory to return; nullopt if none is used.
  std::optional<std::chrono::milliseconds> until_look() const;
  // Scans the entries, or goes on with the scan. REQUIRES: the ring's lock is held and the queue is
  // empty, that is, the kernel has taken all replies.
  void look(Clock::time_point now);

 private:
  struct Entry {
    fuse_req_t request = nullptr;
    const fuse_in_header* header = nullptr;
    std::span<std::byte> payload;
    std::uint64_t request_id = 0;  // of the last request handled
    bool ours = false;             // from that request until its reply
    bool fresh = false;            // used since the last scan
    bool used = false;             // used since its memory was returned
  };
  Entry* find(fuse_req_t request);

  std::unique_ptr<Entry[]> entries_;
  std::size_t room_ = 0;
  std::atomic<std::size_t> known_ = 0;  // entries in use
  bool used_ = false;
  std::size_t next_ = 0;  // where the scan goes on
  Clock::time_point looked_ = Clock::now();
};

}  // namespace scratchfs::kernel

// The memory of a ring's entries, which libfuse maps and never gives back: 1 MiB each once it has
// been used.
//
// An entry whose answer the kernel has taken is the kernel's, which may put the next request there
// at any moment, but only while the ring's own thread is in the kernel: io_uring does it on the
// thread that submitted the entry. So that thread can give its pages back (page_moves.h).
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "fs/kernel/transport/fuse.h"

struct fuse_in_header;

namespace scratchfs::kernel {

// One ring's. For its own thread, but note_answered().
class RingMemory {
 public:
  using Clock = std::chrono::steady_clock;
  // What was not used from one look to the next is given back.
  static constexpr std::chrono::seconds kLook{1};

  // Makes room for so many entries. Without memory for it nothing is ever given back.
  void reserve(std::size_t entries);

  // libfuse is about to handle `request`, whose header lies at `header` in an entry's own memory.
  void note_taken(fuse_req_t request, const fuse_in_header* header);
  // From any thread, with the ring's lock: its answer is in the queue.
  void note_answered(fuse_req_t request);

  // Whether there is something that look() may give back one day.
  bool is_used() const { return used_; }
  // Now and then, with the ring's lock and an empty queue: the kernel has taken all answers.
  void look(Clock::time_point now);

 private:
  struct Entry {
    fuse_req_t request = nullptr;
    const fuse_in_header* header = nullptr;
    std::span<std::byte> payload;
    std::uint64_t number = 0;  // of the request that was handled last
    bool ours = false;         // from that request on to its answer
    bool fresh = false;        // used since the last look
    bool used = false;         // since it was given back
  };
  Entry* find(fuse_req_t request);

  std::unique_ptr<Entry[]> entries_;
  std::size_t room_ = 0;
  std::atomic<std::size_t> known_ = 0;  // of entries_
  bool used_ = false;
  Clock::time_point looked_ = Clock::now();
};

}  // namespace scratchfs::kernel

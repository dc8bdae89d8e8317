// A block of content and its state machine. The mutex of the block's shard guards all members, with
// one exception: a thread that has pinned the block reads the mask and the frames without the
// mutex, and changes them through a pin for writing.
//
//   resident -> chosen -> encrypting -> writing -> spilled -> fetching -> resident
//
// In `resident`, `chosen`, `encrypting` and `writing` the block is in memory and can be pinned for
// reading. A pin for writing returns a `chosen` or `writing` block to `resident` at once; it waits
// for the end of `encrypting` (microseconds).
#pragma once

#include <array>
#include <bit>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>

#include "fs/base/result.h"
#include "fs/store/cipher.h"
#include "fs/store/frames.h"
#include "fs/store/slots.h"
#include "fs/store/units.h"

namespace scratchfs::store {

class Block;
struct Shard;

// A block on its way to the disk. Owned by the spiller; the block points to it in `chosen` and
// `writing`.
struct Leaving {
  Shard* shard = nullptr;
  Block* block = nullptr;  // guarded by shard->mutex; nullptr: it stays in memory or is gone
  PageMask mask = 0;
  std::uint32_t slot = 0;
  Seal seal;
};

// The part of a block that exists only while it is in memory.
struct Resident {
  Block* block = nullptr;
  Resident* newer = nullptr;  // links in the shard's ring
  Resident* older = nullptr;
  std::chrono::steady_clock::time_point passed;  // when the clock's hand last passed
  union {
    std::uint64_t nonce;  // clean: nonce of the data in its slot
    Leaving* leaving;     // chosen, writing
  };
  std::uint32_t pins = 0;
  // The budget's age at the last use; 0: not pinned yet since it came into memory.
  std::uint32_t used_at = 0;
  std::uint8_t uses = 0;                          // repeated uses, in distinct ages; see shard.h
  bool clean = false;                             // its slot has the same bytes
  std::array<FrameIndex, kPagesPerBlock> frames;  // of the pages in the mask

  Resident() : nonce(0) {}
};

// A fetch in progress, shared by its waiters.
struct Fetching : std::enable_shared_from_this<Fetching> {
  std::uint64_t nonce = 0;
  std::uint32_t waiters = 0;  // each of them gets a pin
  bool ahead = false;         // read-ahead: nobody has requested the block yet
  // When the disk read was issued. Until then, waiters take the store's last completed read as
  // progress (Blocks::last_read_).
  std::optional<std::chrono::steady_clock::time_point> asked;
  bool done = false;
  std::optional<base::Errno> error;
};

// A read that another thread does for the requesting one, or ahead of a request. The block is
// `fetching` and has a hold.
struct FetchJob {
  Block* block = nullptr;
  std::shared_ptr<Fetching> fetching;
  std::unique_ptr<Resident> resident;  // for the block, once it is read
};

class Block {
 public:
  enum class State : std::uint8_t {
    resident,
    chosen,      // the spiller will encrypt it next
    encrypting,  // the spiller is reading its frames
    writing,     // its encrypted bytes are being written to the slot
    spilled,
    fetching,
    gone,  // dropped by its owner and freed, but a hold remains
  };

  Block() : resident(nullptr) {}

  bool in_memory() const { return state <= State::writing; }
  std::uint64_t bytes() const { return std::uint64_t{count_of(mask)} * kPageSize; }

  union {
    Resident* resident;   // in memory
    std::uint64_t nonce;  // spilled
    Fetching* fetching;   // fetching
  };
  Tag tag;                 // valid in spilled, fetching, and when clean
  std::uint32_t slot = 0;  // the same; the slot class follows from the mask
  PageMask mask = 0;
  // The pages of the mask that were never written (zeros); the owner's, like the mask.
  PageMask unwritten = 0;
  std::uint16_t holds = 0;
  State state = State::resident;
  bool doomed = false;  // dropped by its owner
  // All pages are unwritten, and the block is spilled, fetching or clean. Its slot is only counted
  // against the limit, not allocated; a fetch fills the pages with zeros.
  bool blank = false;
};

// The memory that a spilled block costs: the Block as malloc(3) rounds it, and its owner's pointer.
inline constexpr std::uint64_t kRememberedBytes = 48 + sizeof(void*);
static_assert(sizeof(Block) <= 40, "a chunk of malloc(3) is 8 bytes more, in steps of 16");
static_assert(kRememberedBytes * (std::uint64_t{1 << 20} / kBlockSize) <= 1024,
              "at most 1 KiB per MiB spilled");

}  // namespace scratchfs::store

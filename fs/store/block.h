// A block and the states it goes through. All members are guarded by the mutex of the block's
// shard, except that whoever has pinned the block reads the mask and the frames without it, and
// changes them through a writing pin.
//
//   resident -> chosen -> encrypting -> writing -> spilled -> fetching -> resident
//
// In `resident`, `chosen`, `encrypting` and `writing` the block is in memory and can be pinned for
// reading. A pin for writing takes `chosen` and `writing` back to `resident` at once and waits out
// `encrypting` (microseconds).
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

// One block on its way to the disk. The spiller owns it; the block points to it in `chosen` and
// `writing`.
struct Leaving {
  Shard* shard = nullptr;
  Block* block = nullptr;  // guarded by shard->mutex; nullptr: it is staying (or gone) after all
  PageMask mask = 0;
  std::uint32_t slot = 0;
  Seal seal;
};

// What a block has only while it is in memory.
struct Resident {
  Block* block = nullptr;
  Resident* newer = nullptr;  // the shard's clock
  Resident* older = nullptr;
  std::chrono::steady_clock::time_point passed;  // by the clock's hand
  union {
    std::uint64_t nonce;  // clean: what its slot was sealed with
    Leaving* leaving;     // chosen, writing
  };
  std::uint32_t pins = 0;
  std::uint32_t used_at = 0;  // the budget's age at its last use; 0: not pinned since it came
  std::uint8_t uses = 0;      // times it was pinned again at another age, see shard.h
  bool clean = false;         // its bytes are in its slot as well
  std::array<FrameIndex, kPagesPerBlock> frames;  // of the pages in the mask

  Resident() : nonce(0) {}
};

// A fetch under way: shared by those who wait for it.
struct Fetching : std::enable_shared_from_this<Fetching> {
  std::uint64_t nonce = 0;
  std::uint32_t waiters = 0;  // each of them gets a pin
  bool ahead = false;         // nobody has asked for it yet
  // When the disk was asked; before that whoever waits goes by what it has done for others.
  std::optional<std::chrono::steady_clock::time_point> asked;
  bool done = false;
  std::optional<base::Errno> error;
};

// A read to be done by another thread than the one that wants it: the block is `fetching`, with a
// hold.
struct FetchJob {
  Block* block = nullptr;
  std::shared_ptr<Fetching> fetching;
  std::unique_ptr<Resident> resident;  // for what comes of it
};

class Block {
 public:
  enum class State : std::uint8_t {
    resident,
    chosen,      // the spiller will encrypt it next
    encrypting,  // its frames are being read by the spiller
    writing,     // its encrypted bytes are on their way to the slot
    spilled,
    fetching,
    gone,  // its owner dropped it and its memory is freed; somebody still has a hold
  };

  Block() : resident(nullptr) {}

  bool in_memory() const { return state <= State::writing; }
  std::uint64_t bytes() const {
    return static_cast<std::uint64_t>(std::popcount(mask)) * kPageSize;
  }

  union {
    Resident* resident;   // in memory
    std::uint64_t nonce;  // spilled
    Fetching* fetching;   // fetching
  };
  Tag tag;                 // spilled, fetching, clean
  std::uint32_t slot = 0;  // the same; its class follows from the mask
  PageMask mask = 0;
  PageMask unwritten = 0;  // those of the mask that are zeros; the owner's, as the mask
  std::uint16_t holds = 0;
  State state = State::resident;
  bool doomed = false;  // its owner dropped it
  // Spilled, fetching or clean, all of it unwritten: its slot is only counted, and reading it makes
  // zeros.
  bool blank = false;
};

// What a spilled block costs: itself as malloc(3) rounds it, and its owner's pointer.
inline constexpr std::uint64_t kRememberedBytes = 48 + sizeof(void*);
static_assert(sizeof(Block) <= 40, "a chunk of malloc(3) is 8 bytes more, in steps of 16");
static_assert(kRememberedBytes * (std::uint64_t{1 << 20} / kBlockSize) <= 1024,
              "at most 1 KiB per MiB spilled");

}  // namespace scratchfs::store

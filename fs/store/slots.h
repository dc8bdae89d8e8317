// Disk slots for spilled blocks: one hidden spill file for each slot size.
#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cstdint>
#include <functional>
#include <memory>

#include "fs/base/log_limiter.h"
#include "fs/base/mutex.h"
#include "fs/base/os_file.h"
#include "fs/base/result.h"
#include "fs/store/free_map.h"
#include "fs/store/units.h"

namespace scratchfs::store {

// The size of a slot as a power of two: 4, 8, 16, 32 or 64 KiB. A block takes the smallest slot
// that fits its pages, packed.
using SlotClass = std::uint8_t;
inline constexpr SlotClass kSlotClasses = 5;
static_assert(kPageSize << (kSlotClasses - 1) == kBlockSize);

constexpr std::uint64_t slot_bytes(SlotClass size) { return kPageSize << size; }
// REQUIRES: mask is not 0.
constexpr SlotClass slot_class_of(PageMask mask) {
  return static_cast<SlotClass>(std::bit_width(count_of(mask) - 1));
}

// Thread-safe. Its mutexes are leaves and are never held across disk I/O.
class Slots {
 public:
  // Called by free(), maybe with locks of the caller held. They must not call back and must not
  // wait.
  struct Notices {
    std::function<void()> stale;  // there is disk space for give_back()
    std::function<void()> room;   // a slot is free after a failed reserve()
  };
  // Creates the spill files. Errors of OsDirectory::create_hidden().
  static base::Result<std::unique_ptr<Slots>> create(base::OsDirectory& directory,
                                                     std::uint64_t limit, Notices notices);

  // Counts one slot against the limit; returns false if it does not fit. Must be followed by
  // allocate() or unreserve().
  bool reserve(SlotClass size);
  void unreserve(SlotClass size);
  // Converts a reserved slot to another size; returns false if it does not fit.
  bool resize_reserved(SlotClass from, SlotClass to);
  // Allocates between 1 and `wanted` neighbouring slots, each of which was reserved. Waits only for
  // a truncation of the file. count is 0 if the file has no slot numbers left (2^32 - 1).
  SlotRun allocate(SlotClass size, std::uint32_t wanted);
  // Frees the slot for others at once, and no longer counts it.
  void free(SlotClass size, std::uint32_t slot);

  base::Result<void> write(SlotClass size, std::uint32_t first, std::span<const std::byte> bytes);
  base::Result<void> read(SlotClass size, std::uint32_t slot, std::span<std::byte> bytes);

  // Releases stale disk space by truncating the file and punching holes; for one background thread.
  void give_back();

  std::uint64_t limit() const { return limit_.load(std::memory_order_relaxed); }
  // Slots in use beyond a lower limit stay.
  void set_limit(std::uint64_t bytes);
  // Returns the bytes of slots that can still be reserved.
  std::uint64_t room() const;
  std::uint64_t in_use() const { return in_use_.load(std::memory_order_relaxed); }
  // Returns the total length of the spill files, for tests: reused slots do not extend them.
  std::uint64_t file_bytes() const;

 private:
  struct SpillFile {
    std::unique_ptr<base::OsFile> file;
    mutable base::Mutex mutex;
    base::Condition cut;
    FreeMap map GUARDED_BY(mutex);
    bool cutting GUARDED_BY(mutex) = false;  // no allocation until the truncation is done
    bool preallocating GUARDED_BY(mutex) = false;
    bool can_preallocate GUARDED_BY(mutex) = true;
    std::uint64_t preallocated GUARDED_BY(mutex) = 0;  // the file has at least this many bytes
    bool can_punch GUARDED_BY(mutex) = true;
  };

  Slots(std::uint64_t limit, Notices notices) : limit_(limit), notices_(std::move(notices)) {}
  bool count_in(std::uint64_t bytes);
  void count_out(std::uint64_t bytes);
  void preallocate(SpillFile& file, std::uint64_t end);
  void cut_tail(SpillFile& file, SlotClass size);
  void punch_holes(SpillFile& file, SlotClass size);

  std::atomic<std::uint64_t> limit_;
  const Notices notices_;
  std::array<SpillFile, kSlotClasses> files_;
  std::atomic<std::uint64_t> in_use_{0};
  std::atomic<bool> was_full_{false};
  std::atomic<bool> stale_told_{false};
  base::LogLimiter log_{std::chrono::seconds(5)};
};

}  // namespace scratchfs::store

// Where spilled blocks are on the disk: one hidden spill file for each size of slot.
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

// Slots come in 4, 8, 16, 32 and 64 KiB; a block takes the smallest that its pages fit in, one
// after the other.
using SlotClass = std::uint8_t;
inline constexpr SlotClass kSlotClasses = 5;
static_assert(kPageSize << (kSlotClasses - 1) == kBlockSize);

constexpr std::uint64_t slot_bytes(SlotClass size) { return kPageSize << size; }
// Precondition: mask is not 0.
constexpr SlotClass slot_class_of(PageMask mask) {
  return static_cast<SlotClass>(std::bit_width(static_cast<unsigned>(std::popcount(mask)) - 1U));
}

// Thread-safe; its mutexes are leaves and are never held across disk I/O.
class Slots {
 public:
  // Called from free(), maybe under the caller's locks; they must not call back and must not wait.
  struct Notices {
    std::function<void()> stale;  // there is disk space for give_back() to give back
    std::function<void()> room;   // a slot went free after reserve() had failed
  };
  // Makes the spill files. Errors of OsDirectory::create_hidden().
  static base::Result<std::unique_ptr<Slots>> create(base::OsDirectory& directory,
                                                     std::uint64_t limit, Notices notices);

  // Counts one slot in the limit; false: it does not fit. Then allocate(), or unreserve().
  bool reserve(SlotClass size);
  void unreserve(SlotClass size);
  // Makes a reserved slot one of another size; false: it does not fit.
  bool resize_reserved(SlotClass from, SlotClass to);
  // Chooses at most `wanted` neighbouring slots (at least one), each of which was reserved. Waits
  // for nothing but a truncation of the file. count 0: the file has no more numbers (2^32).
  SlotRun allocate(SlotClass size, std::uint32_t wanted);
  // At once free for others, and no longer counted.
  void free(SlotClass size, std::uint32_t slot);

  base::Result<void> write(SlotClass size, std::uint32_t first, std::span<const std::byte> bytes);
  base::Result<void> read(SlotClass size, std::uint32_t slot, std::span<std::byte> bytes);

  // Gives stale disk space back (truncation, holes); for one background thread.
  void give_back();

  std::uint64_t limit() const { return limit_.load(std::memory_order_relaxed); }
  // From now on; what is in use beyond a lower one stays.
  void set_limit(std::uint64_t bytes);
  // Bytes of slots that can still be reserved.
  std::uint64_t room() const;
  std::uint64_t in_use() const { return in_use_.load(std::memory_order_relaxed); }
  // Bytes that the spill files reach to, for tests: what is reused does not make them longer.
  std::uint64_t file_bytes() const;

 private:
  struct SpillFile {
    std::unique_ptr<base::OsFile> file;
    mutable base::Mutex mutex;
    base::Condition cut;
    FreeMap map GUARDED_BY(mutex);
    bool cutting GUARDED_BY(mutex) = false;  // nothing is allocated until the truncation is done
    bool reserving GUARDED_BY(mutex) = false;
    bool can_reserve GUARDED_BY(mutex) = true;
    std::uint64_t reserved GUARDED_BY(mutex) = 0;  // bytes that the file is long at least
    bool can_punch GUARDED_BY(mutex) = true;
  };

  Slots(std::uint64_t limit, Notices notices) : limit_(limit), notices_(std::move(notices)) {}
  bool count_in(std::uint64_t bytes);
  void count_out(std::uint64_t bytes);
  void reserve_space(SpillFile& file, std::uint64_t end);
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

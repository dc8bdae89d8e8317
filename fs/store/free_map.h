// A bitmap allocator for the slots of one spill file, which also tracks the stale ones: free slots
// that still occupy disk space.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace scratchfs::store {

// A run of neighbouring slots: [first, first + count).
struct SlotRun {
  std::uint32_t first = 0;
  std::uint32_t count = 0;
};

// Not thread-safe: guarded by the mutex of its spill file.
class FreeMap {
 public:
  // Takes at most `wanted` neighbouring slots: free ones if there are any (a longer run is
  // preferred to a lower one), else new ones at the end. count is 0 only if all 2^32 - 1 slots are
  // taken. bad_alloc changes nothing.
  SlotRun take(std::uint32_t wanted);
  // Frees a slot and marks its disk space as stale.
  void free(std::uint32_t slot);

  // Takes the lowest run of at most `most` stale slots at or after `from`, so that nobody reuses
  // them while their space is being released. count is 0 if there is none.
  SlotRun take_stale(std::uint32_t from, std::uint32_t most);
  // Ends take_stale(): the slots are free and have no disk space.
  void put_given_back(SlotRun run);

  // Returns the number of slots that the file must be long enough for.
  std::uint32_t length() const { return length_; }
  // Returns the shortest possible length: the slot after the last one that is not free.
  std::uint32_t needed_length() const;
  // Records that the file was truncated. REQUIRES: needed_length() <= length <= length().
  void cut(std::uint32_t length);

  std::uint32_t stale_slots() const { return stale_count_; }

 private:
  using Bits = std::vector<std::uint64_t>;
  // Words after the first free slot in which take() searches for a run that is long enough.
  static constexpr std::size_t kRunSearchWords = 4096;

  SlotRun find_run(std::uint32_t wanted);
  static bool test(const Bits& bits, std::uint32_t slot) {
    return (bits[slot / 64] >> (slot % 64) & 1) != 0;
  }
  static void set(Bits& bits, std::uint32_t slot) {
    bits[slot / 64] |= std::uint64_t{1} << (slot % 64);
  }
  static void clear(Bits& bits, std::uint32_t slot) {
    bits[slot / 64] &= ~(std::uint64_t{1} << (slot % 64));
  }
  // Returns the first set bit in [from, length_), or length_.
  std::uint32_t next_set(const Bits& bits, std::uint32_t from) const;

  Bits free_;
  Bits stale_;  // of free slots, and of those taken by take_stale()
  std::uint32_t length_ = 0;
  std::uint32_t free_count_ = 0;
  std::uint32_t stale_count_ = 0;
  std::uint32_t lowest_free_ = 0;  // no free slot is below it
};

}  // namespace scratchfs::store

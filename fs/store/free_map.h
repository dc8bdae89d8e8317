// Which slots of one spill file are free, and which of those still have disk space behind them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace scratchfs::store {

// Neighbouring slots: [first, first + count).
struct SlotRun {
  std::uint32_t first = 0;
  std::uint32_t count = 0;
};

// Not thread-safe: its spill file's mutex guards it.
class FreeMap {
 public:
  // Takes at most `wanted` neighbours: free ones where there are any, lowest first but rather
  // together than low; else new ones at the end. count is 0 only when all 2^32 slots are taken.
  // bad_alloc changes nothing.
  SlotRun take(std::uint32_t wanted);
  // A slot is free again; its space on the disk is stale.
  void free(std::uint32_t slot);

  // Takes the lowest stale run at or after `from` (of at most `most` slots) out of the free ones,
  // so that nobody uses it while its space is given back. count is 0 when there is none.
  SlotRun take_stale(std::uint32_t from, std::uint32_t most);
  // Back from take_stale(): free, and with no space behind it any more.
  void put_given_back(SlotRun run);

  // Slots that the file must be long enough for.
  std::uint32_t length() const { return length_; }
  // Where it could end: the slot after the last one that is not free.
  std::uint32_t needed_length() const;
  // The file ends there now. Precondition: needed_length() <= length <= length().
  void cut(std::uint32_t length);

  std::uint32_t free_slots() const { return free_count_; }
  std::uint32_t stale_slots() const { return stale_count_; }

 private:
  using Bits = std::vector<std::uint64_t>;
  // Words that take() looks at beyond the first free slot for a run that is long enough.
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
  // The first set bit in [from, length_), or length_.
  std::uint32_t next_set(const Bits& bits, std::uint32_t from) const;

  Bits free_;
  Bits stale_;  // of free slots and of those that take_stale() took
  std::uint32_t length_ = 0;
  std::uint32_t free_count_ = 0;
  std::uint32_t stale_count_ = 0;
  std::uint32_t lowest_free_ = 0;  // no free slot is below it
};

}  // namespace scratchfs::store

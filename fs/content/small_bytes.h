// The first bytes of a file that has no blocks: up to 2 KiB on the heap, so that a small file costs
// less than a page.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace scratchfs::content {

inline constexpr std::size_t kSmallUnit =
    512;  // what small bytes are charged in: a block of st_blocks
inline constexpr std::size_t kSmallMost = 2048;  // more than this needs pages

// How much room `bytes` (<= kSmallMost) take.
constexpr std::size_t small_room(std::size_t bytes) {
  return (bytes + kSmallUnit - 1) / kSmallUnit * kSmallUnit;
}

// Not thread-safe; counts and charges nothing itself.
class SmallBytes {
 public:
  std::size_t room() const { return room_; }  // a multiple of kSmallUnit; 0: there are none
  // Zeros where it grows (bad_alloc); drops what is beyond where it shrinks, which needs no memory.
  void set_room(std::size_t room);

  // All of the room; bytes beyond the file's end are zero.
  std::span<std::byte> bytes() { return {bytes_.get(), room_}; }
  std::span<const std::byte> bytes() const { return {bytes_.get(), room_}; }

 private:
  void resize(std::unique_ptr<std::byte[]> bytes, std::size_t kept);

  std::unique_ptr<std::byte[]> bytes_;
  std::uint16_t room_ = 0;
};

}  // namespace scratchfs::content

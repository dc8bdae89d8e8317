// The content of a file without blocks: up to 2 KiB on the heap, so that a small file costs less
// than a page.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace scratchfs::content {

// The unit in which small bytes are charged: a block of st_blocks.
inline constexpr std::size_t kSmallUnit = 512;
inline constexpr std::size_t kSmallMost = 2048;  // larger files need pages

// Returns the room that `bytes` (<= kSmallMost) take.
constexpr std::size_t small_room(std::size_t bytes) {
  return (bytes + kSmallUnit - 1) / kSmallUnit * kSmallUnit;
}

// Not thread-safe. Does no accounting itself.
class SmallBytes {
 public:
  std::size_t room() const { return room_; }  // a multiple of kSmallUnit; 0: empty
  // Grows with zeros (may throw bad_alloc), or shrinks by dropping the tail, which never fails.
  void set_room(std::size_t room);

  // All of the room; bytes beyond the end of the file are zero.
  std::span<std::byte> bytes() { return {bytes_.get(), room_}; }
  std::span<const std::byte> bytes() const { return {bytes_.get(), room_}; }

 private:
  void resize(std::unique_ptr<std::byte[]> bytes, std::size_t kept);

  std::unique_ptr<std::byte[]> bytes_;
  std::uint16_t room_ = 0;
};

}  // namespace scratchfs::content

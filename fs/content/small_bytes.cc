#include "fs/content/small_bytes.h"

#include <algorithm>
#include <cassert>
#include <cstring>

namespace scratchfs::content {

void SmallBytes::set_room(std::size_t room) {
  assert(room % kSmallUnit == 0 && room <= kSmallMost);
  if (room == room_) return;
  std::unique_ptr<std::byte[]> bytes;
  if (room > 0) {
    bytes = std::make_unique<std::byte[]>(room);
    if (room_ > 0) std::memcpy(bytes.get(), bytes_.get(), std::min<std::size_t>(room, room_));
  }
  bytes_ = std::move(bytes);
  room_ = static_cast<std::uint16_t>(room);
}

}  // namespace scratchfs::content

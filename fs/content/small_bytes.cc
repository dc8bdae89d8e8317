#include "fs/content/small_bytes.h"

#include <cassert>
#include <cstring>
#include <new>
#include <utility>

namespace scratchfs::content {

void SmallBytes::set_room(std::size_t room) {
  assert(room % kSmallUnit == 0 && room <= kSmallMost);
  if (room == room_) return;
  if (room == 0) {
    bytes_.reset();
  } else if (room > room_) {
    resize(std::make_unique<std::byte[]>(room), room_);
  } else if (auto* const fewer = new (std::nothrow) std::byte[room]; fewer != nullptr) {
    resize(std::unique_ptr<std::byte[]>(fewer), room);
  }  // else keeps the larger buffer, because shrinking cannot fail
  room_ = static_cast<std::uint16_t>(room);
}

void SmallBytes::resize(std::unique_ptr<std::byte[]> bytes, std::size_t kept) {
  if (kept > 0) std::memcpy(bytes.get(), bytes_.get(), kept);
  bytes_ = std::move(bytes);
}

}  // namespace scratchfs::content

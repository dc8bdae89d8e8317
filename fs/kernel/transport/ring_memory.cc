#include "fs/kernel/transport/ring_memory.h"

#include <linux/fuse.h>

#include <algorithm>
#include <new>
#include <utility>

#include "fs/kernel/transport/page_moves.h"

namespace scratchfs::kernel {

namespace {

// Reads it as volatile, because the kernel writes it without the compiler's knowledge.
std::uint64_t request_id_in(const fuse_in_header& header) {
  return *const_cast<const volatile decltype(header.unique)*>(&header.unique);
}

}  // namespace

void RingMemory::reserve(std::size_t entries) {
  entries_.reset(new (std::nothrow) Entry[entries]);
  room_ = entries_ == nullptr ? 0 : entries;
}

RingMemory::Entry* RingMemory::find(fuse_req_t request) {
  const std::span all(entries_.get(), known_.load());
  const auto found = std::ranges::find(all, request, &Entry::request);
  return found == all.end() ? nullptr : &*found;
}

void RingMemory::note_taken(fuse_req_t request, const fuse_in_header* header) {
  Entry* entry = find(request);
  if (entry == nullptr) {
    char* payload = nullptr;
    std::size_t room = 0;
    if (known_ == room_ || fuse_req_get_payload(request, &payload, &room, nullptr) != 0) return;
    entry = &entries_[known_];
    entry->request = request;
    entry->header = header;
    entry->payload = {reinterpret_cast<std::byte*>(payload), room};
    ++known_;  // last: other threads search meanwhile
  }
  entry->request_id = request_id_in(*header);
  entry->ours = entry->fresh = entry->used = used_ = true;
}

void RingMemory::note_answered(fuse_req_t request) {
  if (Entry* const entry = find(request)) entry->ours = false;
}

std::optional<std::chrono::milliseconds> RingMemory::until_look() const {
  if (next_ > 0) return kPause;
  return used_ ? std::optional(kLook) : std::nullopt;
}

void RingMemory::look(Clock::time_point now) {
  if (next_ == 0) {
    if (now - looked_ < kLook) return;
    looked_ = now;
    used_ = false;
  }
  for (std::size_t returned = 0; next_ < known_ && returned < kMostAtOnce; ++next_) {
    Entry& entry = entries_[next_];
    if (entry.used && !entry.ours && !std::exchange(entry.fresh, false)) {
      give_back_pages(entry.payload,
                      [&entry] { return request_id_in(*entry.header) == entry.request_id; });
      entry.used = false;
      ++returned;
    }
    used_ = used_ || entry.used;
  }
  if (next_ == known_) next_ = 0;
}

}  // namespace scratchfs::kernel

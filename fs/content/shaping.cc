// truncate(2), and the fallocate(2) modes that free or clear.
#include <bit>
#include <cstring>
#include <new>

#include "fs/content/content.h"
#include "fs/content/discarded.h"

namespace scratchfs::content {

using base::Result;
using base::Wait;

Result<void> Content::truncate(std::uint64_t size, Wait wait) {
  if (size > kMaxSize) return base::Errno(EFBIG);
  Trash trash;
  return in_passes(wait, [&](Acquired& acquired, Missing& missing) -> Result<void> {
    base::Lock lock(mutex_);
    if (wait == Wait::no && size < Content::size() && allocated() > kMostFreedAtOnce)
      return base::kWouldBlock;
    return truncate_pass(size, acquired, missing, trash);
  });
}

Discarded Content::discard() {
  base::Lock lock(mutex_);
  set_small_room(0);
  Discarded discarded(std::move(blocks_));
  charge_.shrink({.bytes = discarded.bytes()});
  set_size(0);
  note_allocated();
  return discarded;
}

Result<void> Content::truncate_pass(std::uint64_t size, Acquired& acquired, Missing& missing,
                                    Trash& trash) {
  // Bytes beyond the end are zero already. Pages beyond it (fallocate) stay if the file grows;
  // otherwise they are freed.
  if (size > Content::size()) {
    set_size(size);
    return {};
  }
  if (small_.room() > 0) {
    erase_small(size, small_.room(), Erase::bytes);
    set_small_room(std::min(small_.room(), small_room(std::min(size, std::uint64_t{kSmallMost}))));
  } else {
    const Piece tail = first_piece(size, kBlockSize - size % kBlockSize);
    const bool keeps_some = tail.begin > 0;
    if (keeps_some) {
      const PageMask dropped = covered(tail);
      const auto erased =
          erase_in_block(tail, dropped, without(touched(tail), dropped), acquired, missing, trash);
      if (!erased) return erased.error();
    }
    cut_blocks(tail.block + (keeps_some ? 1 : 0), UINT64_MAX, trash);
  }
  set_size(size);
  return {};
}

Result<void> Content::punch(std::uint64_t offset, std::uint64_t length, Wait wait) {
  return erase(offset, length, Erase::pages, wait);
}

Result<void> Content::clear(std::uint64_t offset, std::uint64_t length, Wait wait) {
  return erase(offset, length, Erase::bytes, wait);
}

Result<void> Content::erase(std::uint64_t offset, std::uint64_t length, Erase how, Wait wait) {
  if (length == 0) return base::Errno(EINVAL);
  std::uint64_t cursor = offset;
  const std::uint64_t end = end_of(offset, length, kMaxSize);
  if (offset >= end) return {};
  Trash trash;
  return in_passes(wait, [&](Acquired& acquired, Missing& missing) -> Result<void> {
    base::Lock lock(mutex_);
    if (wait == Wait::no && takes_long(how, offset, end)) return base::kWouldBlock;
    return erase_pass(cursor, end, how, acquired, missing, trash);
  });
}

bool Content::takes_long(Erase how, std::uint64_t offset, std::uint64_t end) const {
  if (how == Erase::pages) return std::min(end - offset, allocated()) > kMostFreedAtOnce;
  return blocks_.pages_in(pages_touched(offset, end)) * kPageSize > kMostAtOnce;
}

// Walks the existing blocks. `cursor` records the progress, so that a pass after a wait does not
// repeat it.
Result<void> Content::erase_pass(std::uint64_t& cursor, std::uint64_t end, Erase how,
                                 Acquired& acquired, Missing& missing, Trash& trash) {
  if (small_.room() > 0) {
    erase_small(cursor, end, how);
    return {};
  }
  while (cursor < end) {
    const auto next = blocks_.next(cursor / kBlockSize);
    if (!next || next->index * kBlockSize >= end) break;
    cursor = std::max(cursor, next->index * kBlockSize);
    const Piece piece = first_piece(cursor, end - cursor);
    if (how == Erase::pages && piece.size() == kBlockSize) {
      cut_blocks(piece.block, end / kBlockSize, trash);
      cursor = end / kBlockSize * kBlockSize;
      continue;
    }
    const PageMask dropped = how == Erase::pages ? covered(piece) : PageMask{0};
    const PageMask wiped = without(touched(piece), dropped);
    const auto erased = erase_in_block(piece, dropped, wiped, acquired, missing, trash);
    if (!erased) return erased.error();
    cursor += piece.size();
  }
  cursor = end;
  return {};
}

void Content::erase_small(std::uint64_t begin, std::uint64_t end, Erase how) {
  if (how == Erase::pages && begin == 0 && end >= kPageSize) {
    set_small_room(0);
    return;
  }
  const std::span<std::byte> bytes = small_.bytes();
  end = std::min<std::uint64_t>(end, bytes.size());
  if (begin < end) std::memset(bytes.data() + begin, 0, end - begin);
}

Result<void> Content::erase_in_block(const Piece& piece, PageMask dropped, PageMask wiped,
                                     Acquired& acquired, Missing& missing, Trash& trash) {
  store::Block* const block = blocks_.find(piece.block);
  if (block == nullptr) return {};
  const PageMask existing = store::Store::pages(*block);
  dropped &= existing;
  wiped &= store::Store::written(*block);
  if (dropped == existing) {
    cut_blocks(piece.block, piece.block + 1, trash);
    return {};
  }
  if (dropped == 0 && wiped == 0) return {};
  if (wiped == 0 && store_.reshape_blank(*block, without(existing, dropped))) {
    note_dropped(piece.block, dropped, 0);
    return {};
  }

  auto pin = acquired.pin_of(store_, *block, store::Access::write, missing);
  if (!pin) return pin.error();
  for (unsigned page = 0; page < kPagesPerBlock; ++page) {
    if (!has_page(wiped, page)) continue;
    const PagePart part = part_in_page(piece, page);
    std::memset(pin->writable_page(page) + part.begin, 0, part.size());
  }
  if (dropped == 0) return {};
  const PageMask written = store::Store::written(*block) & dropped;
  pin->drop_pages(dropped);
  note_dropped(piece.block, dropped, written);
  return {};
}

void Content::note_dropped(std::uint64_t block, PageMask dropped, PageMask written) {
  const int count = std::popcount(dropped);
  blocks_.count(block, {-count, -std::popcount(written)});
  charge_.shrink({.bytes = static_cast<std::uint64_t>(count) * kPageSize});
  note_allocated();
}

void Content::cut_blocks(std::uint64_t first, std::uint64_t last, Trash& trash) {
  const std::uint64_t before = blocks_.pages();
  try {
    trash.push_back(blocks_.cut(first, last));
  } catch (const std::bad_alloc&) {  // the blocks are freed here
  }
  charge_.shrink({.bytes = (before - blocks_.pages()) * kPageSize});
  note_allocated();
}

void Content::set_small_room(std::size_t room) {
  const std::size_t freed = small_.room() - room;
  if (freed == 0) return;
  small_.set_room(room);
  store_.remove_small(freed);
  charge_.shrink({.bytes = freed});
  note_allocated();
}

void Content::extend(std::uint64_t size) {
  base::Lock lock(mutex_);
  if (size > Content::size()) set_size(size);
}

}  // namespace scratchfs::content

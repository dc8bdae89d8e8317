// read(2).
#include <cstring>
#include <new>

#include "fs/content/content.h"

namespace scratchfs::content {

using base::Result;

namespace {

constexpr std::uint64_t kAhead = 8 << 20;   // bytes
constexpr std::uint64_t kNear = 512 << 10;  // bytes

}  // namespace

Result<std::size_t> Content::read(std::span<std::byte> into, std::uint64_t offset,
                                  base::Wait wait) {
  if (store_.has_spilled()) read_ahead(offset, offset + into.size());
  std::size_t done = 0;
  const auto result = in_passes(wait, [&](Acquired& acquired, Missing& missing) {
    base::SharedLock lock(mutex_);
    return read_pass(into, offset, done, acquired, missing);
  });
  // A short read without an error would be taken for the end of the file, and the rest for zeros.
  if (!result) return result.error();
  return done;
}

// Requests read-ahead for a sequential reader: the next kAhead bytes, extended each time half of it
// has been consumed. The kernel's own read-ahead arrives in pieces that are not all in order, hence
// kNear.
void Content::read_ahead(std::uint64_t offset, std::uint64_t end) try {
  const std::uint64_t before = read_to_.load(std::memory_order_relaxed);
  // A read that had to wait for the disk is retried with the same range.
  const bool near = offset <= before + kNear && end + kNear >= before;
  if (near && end <= before) return;
  read_to_.store(end, std::memory_order_relaxed);
  if (!near) {
    ahead_to_.store(end, std::memory_order_relaxed);
    return;
  }
  const std::uint64_t from = std::max(ahead_to_.load(std::memory_order_relaxed), offset);
  if (from > end + kAhead / 2) return;
  ahead_to_.store(end + kAhead, std::memory_order_relaxed);
  std::vector<store::Block*> blocks;
  base::SharedLock lock(mutex_);
  for (auto at = blocks_.next(from / kBlockSize); at && at->index < (end + kAhead) / kBlockSize;
       at = blocks_.next(at->index + 1)) {
    blocks.push_back(at->block);
  }
  store_.read_ahead(blocks);
} catch (const std::bad_alloc&) {
  return;  // only a hint
}

Result<void> Content::read_pass(std::span<std::byte> into, std::uint64_t offset, std::size_t& done,
                                Acquired& acquired, Missing& missing) const {
  const std::uint64_t end = end_of(offset, into.size(), size());
  if (offset >= end) return {};
  if (small_.room() > 0) {
    read_small(into.first(end - offset), offset);
    done = end - offset;
    return {};
  }
  while (offset + done < end) {
    const Piece piece = first_piece(offset + done, end - offset - done);
    if (auto read = read_piece(piece, into.data() + done, acquired, missing); !read)
      return read.error();
    done += piece.size();
  }
  return {};
}

Result<void> Content::read_piece(const Piece& piece, std::byte* into, Acquired& acquired,
                                 Missing& missing) const {
  store::Block* const block = blocks_.find(piece.block);
  if (block == nullptr || (store::Store::written(*block) & touched(piece)) == 0) {
    std::memset(into, 0, piece.size());
    return {};
  }
  const auto pin = acquired.pin_of(store_, *block, store::Access::read, missing);
  if (!pin) return pin.error();
  for (std::size_t at = piece.begin; at < piece.end;) {
    const auto page = static_cast<unsigned>(at / kPageSize);
    const PagePart part = part_in_page(piece, page);
    // The pages are anywhere in the arena, so the CPU cannot predict where the next one is.
    if (page + 1 < kPagesPerBlock) __builtin_prefetch(pin->page(page + 1));
    if (const std::byte* bytes = pin->page(page)) {
      std::memcpy(into, bytes + part.begin, part.size());
    } else {
      std::memset(into, 0, part.size());
    }
    into += part.size();
    at += part.size();
  }
  return {};
}

void Content::read_small(std::span<std::byte> into, std::uint64_t offset) const {
  const std::span<const std::byte> bytes = small_.bytes();
  std::size_t there = 0;
  if (offset < bytes.size()) {
    there = std::min<std::size_t>(into.size(), bytes.size() - offset);
    std::memcpy(into.data(), bytes.data() + offset, there);
  }
  std::memset(into.data() + there, 0, into.size() - there);
}

}  // namespace scratchfs::content

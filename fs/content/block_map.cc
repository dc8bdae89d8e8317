#include "fs/content/block_map.h"

#include <bit>
#include <new>
#include <utility>

namespace scratchfs::content {

namespace {

BlockMap::Change all_of(const store::Block& block) {
  return {std::popcount(store::Store::pages(block)), std::popcount(store::Store::written(block))};
}
BlockMap::Change none_of(const store::Block& block) {
  const BlockMap::Change all = all_of(block);
  return {-all.pages, -all.written};
}

}  // namespace

BlockMap::BlockMap(BlockMap&& other) noexcept
    : store_(other.store_),
      chunks_(std::exchange(other.chunks_, {})),
      pages_(std::exchange(other.pages_, 0)) {}

BlockMap::~BlockMap() {
  const store::BlockDeleter free{store_};
  for (const auto& [base, chunk] : chunks_) {
    for (store::Block* block : chunk.blocks) {
      if (block != nullptr) free(block);
    }
    uncount(chunk);
  }
}

store::Block* BlockMap::find(std::uint64_t index) const {
  const auto found = chunks_.find(index / kBlocksPerChunk);
  return found == chunks_.end() ? nullptr : found->second.blocks[index % kBlocksPerChunk];
}

std::optional<BlockMap::Entry> BlockMap::next(std::uint64_t index) const {
  std::size_t slot = index % kBlocksPerChunk;
  auto at = chunks_.lower_bound(index / kBlocksPerChunk);
  if (at != chunks_.end() && at->first != index / kBlocksPerChunk) slot = 0;
  for (; at != chunks_.end(); ++at, slot = 0) {
    for (; slot < kBlocksPerChunk; ++slot) {
      store::Block* const block = at->second.blocks[slot];
      if (block != nullptr) return Entry{at->first * kBlocksPerChunk + slot, block};
    }
  }
  return std::nullopt;
}

BlockMap::Room BlockMap::room_for(std::uint64_t index) const {
  const std::uint64_t key = index / kBlocksPerChunk;
  if (chunks_.contains(key)) return {};
  Chunks one;
  one.try_emplace(key);
  return one.extract(key);
}

BlockMap::Chunk& BlockMap::chunk_for(std::uint64_t index, Room room) {
  static_assert(kChunkBytes / kBlocksPerChunk == kMapBytesPerBlock);
  const std::uint64_t key = index / kBlocksPerChunk;
  const auto there = chunks_.find(key);
  if (there != chunks_.end()) return there->second;
  Chunk& chunk = room ? chunks_.insert(std::move(room)).position->second : chunks_[key];
  // If the budget is full, the frames that come with a new chunk are refused anyway; the chunk
  // itself need not fail.
  chunk.counted = static_cast<bool>(store_->add_small(kChunkBytes));
  return chunk;
}

void BlockMap::uncount(const Chunk& chunk) const {
  if (chunk.counted) store_->remove_small(kChunkBytes);
}

void BlockMap::count(Chunk& chunk, Change change) {
  chunk.pages = static_cast<std::uint16_t>(chunk.pages + change.pages);
  chunk.written = static_cast<std::uint16_t>(chunk.written + change.written);
  pages_ += static_cast<std::uint64_t>(static_cast<std::int64_t>(change.pages));
}

void BlockMap::count(std::uint64_t index, Change change) {
  count(chunks_.find(index / kBlocksPerChunk)->second, change);
}

store::BlockPtr BlockMap::put(std::uint64_t index, store::BlockPtr block, Room room) {
  Chunk& chunk = chunk_for(index, std::move(room));
  store::Block*& place = chunk.blocks[index % kBlocksPerChunk];
  store::BlockPtr displaced(place, store::BlockDeleter{store_});
  if (displaced) {
    count(chunk, none_of(*displaced));
  } else {
    ++chunk.present;
  }
  count(chunk, all_of(*block));
  place = block.release();
  return displaced;
}

store::BlockPtr BlockMap::take(std::uint64_t index) {
  const auto at = chunks_.find(index / kBlocksPerChunk);
  Chunk& chunk = at->second;
  store::Block*& place = chunk.blocks[index % kBlocksPerChunk];
  store::BlockPtr taken(std::exchange(place, nullptr), store::BlockDeleter{store_});
  count(chunk, none_of(*taken));
  if (--chunk.present == 0) {
    uncount(chunk);
    chunks_.erase(at);
  }
  return taken;
}

void BlockMap::hand_over(std::uint64_t index, BlockMap& other) {
  try {
    other.put(index, take(index));
  } catch (const std::bad_alloc&) {
    return;  // the block is freed
  }
}

BlockMap BlockMap::cut(std::uint64_t first, std::uint64_t last) {
  BlockMap out(*store_);
  auto at = chunks_.lower_bound(first / kBlocksPerChunk);
  while (at != chunks_.end() && at->first * kBlocksPerChunk < last) {
    const auto here = at++;
    const std::uint64_t base = here->first * kBlocksPerChunk;
    if (base >= first && last - base >= kBlocksPerChunk) {
      pages_ -= here->second.pages;
      out.pages_ += here->second.pages;
      out.chunks_.insert(chunks_.extract(here));
      continue;
    }
    const std::uint64_t from = std::max(base, first);
    const std::uint64_t to = std::min(base + kBlocksPerChunk, last);
    for (std::uint64_t index = from; index < to; ++index) {
      if (find(index) != nullptr) hand_over(index, out);
    }
  }
  return out;
}

std::uint64_t BlockMap::pages_in(PageSpan span) const {
  std::uint64_t sum = 0;
  auto at = chunks_.lower_bound(span.first / kPagesPerChunk);
  for (; at != chunks_.end() && at->first * kPagesPerChunk < span.last; ++at) {
    const std::uint64_t base = at->first * kPagesPerChunk;
    if (base >= span.first && span.last - base >= kPagesPerChunk) {
      sum += at->second.pages;
      continue;
    }
    for (std::size_t slot = 0; slot < kBlocksPerChunk; ++slot) {
      const store::Block* const block = at->second.blocks[slot];
      const std::uint64_t start = base + slot * kPagesPerBlock;
      if (block == nullptr || start >= span.last || start + kPagesPerBlock <= span.first) continue;
      const std::uint64_t from = std::max(start, span.first) - start;
      const std::uint64_t to = std::min(start + kPagesPerBlock, span.last) - start;
      const unsigned inside = store::Store::pages(*block) & pages_between(from, to);
      sum += static_cast<std::uint64_t>(std::popcount(inside));
    }
  }
  return sum;
}

std::optional<std::uint64_t> BlockMap::next_page(std::uint64_t page) const {
  for (auto at = chunks_.lower_bound(page / kPagesPerChunk); at != chunks_.end(); ++at) {
    if (at->second.written == 0) continue;
    const std::uint64_t base = at->first * kPagesPerChunk;
    const std::uint64_t from = std::max(page, base);
    for (std::uint64_t slot = (from - base) / kPagesPerBlock; slot < kBlocksPerChunk; ++slot) {
      const store::Block* const block = at->second.blocks[slot];
      if (block == nullptr) continue;
      const std::uint64_t start = base + slot * kPagesPerBlock;
      const PageMask data = store::Store::written(*block) &
                            pages_between(from > start ? from - start : 0, kPagesPerBlock);
      if (data != 0) return start + static_cast<unsigned>(std::countr_zero(data));
    }
  }
  return std::nullopt;
}

std::uint64_t BlockMap::next_hole(std::uint64_t page, std::uint64_t end) const {
  while (page < end) {
    const auto at = chunks_.find(page / kPagesPerChunk);
    if (at == chunks_.end()) return page;
    const std::uint64_t base = at->first * kPagesPerChunk;
    // Full chunks are skipped without examining their blocks, which makes this fast in a large
    // dense file.
    if (at->second.written < kPagesPerChunk) {
      for (std::uint64_t block = (page - base) / kPagesPerBlock; block < kBlocksPerChunk; ++block) {
        const store::Block* const there = at->second.blocks[block];
        const std::uint64_t start = base + block * kPagesPerBlock;
        const std::size_t from = page > start ? page - start : 0;
        const PageMask data = there == nullptr ? PageMask{0} : store::Store::written(*there);
        const PageMask holes = without(pages_between(from, kPagesPerBlock), data);
        if (holes != 0) return start + static_cast<unsigned>(std::countr_zero(holes));
      }
    }
    page = base + kPagesPerChunk;
  }
  return page;
}

}  // namespace scratchfs::content

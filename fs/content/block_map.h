// Which blocks a file has, and where: sparse, in chunks of 64 blocks (4 MiB of content).
//
// A dense file costs 140 bytes per MiB, a lone block some 600 bytes wherever it lies. What walks or
// cuts a range does so in proportion to the blocks that exist in it, never to its length.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>

#include "fs/content/ranges.h"
#include "fs/store/store.h"

namespace scratchfs::content {

// Owns the blocks. Not thread-safe: the content's lock orders all use. Blocks and pages are named
// by index in the file.
class BlockMap {
  static constexpr std::size_t kBlocksPerChunk = 64;
  static constexpr std::uint16_t kPagesPerChunk = kBlocksPerChunk * kPagesPerBlock;

  struct Chunk {
    std::array<store::Block*, kBlocksPerChunk> blocks{};
    std::uint16_t present = 0;  // blocks
    std::uint16_t pages = 0;
    std::uint16_t written = 0;  // of those pages
    bool counted = false;       // in the store's budget
  };
  using Chunks = std::map<std::uint64_t, Chunk>;

 public:
  explicit BlockMap(store::Store& store) : store_(&store) {}
  BlockMap(BlockMap&& other) noexcept;
  BlockMap& operator=(BlockMap&&) = delete;
  ~BlockMap();  // frees every block at once

  bool empty() const { return chunks_.empty(); }
  std::uint64_t pages() const { return pages_; }  // that exist, in all blocks

  store::Block* find(std::uint64_t index) const;  // nullptr: none there
  struct Entry {
    std::uint64_t index;
    store::Block* block;
  };
  std::optional<Entry> next(std::uint64_t index) const;  // the first block at or after `index`

  // Memory for what put() may need. bad_alloc.
  using Room = Chunks::node_type;
  Room room_for(std::uint64_t index) const;
  // Puts a block that has its pages already; answers what was there before. bad_alloc, but not
  // with room_for(index): the block is freed.
  store::BlockPtr put(std::uint64_t index, store::BlockPtr block, Room room = {});
  // Takes a block out; there is one.
  store::BlockPtr take(std::uint64_t index);
  // Takes blocks [first, last) out, all at once. Needs no memory: those that cannot be kept for the
  // caller are freed here.
  BlockMap cut(std::uint64_t first, std::uint64_t last);
  // Tells that a block in the map has so many more (or, below 0, fewer) pages than before, and
  // pages that were written to.
  struct Change {
    int pages = 0;
    int written = 0;
  };
  void count(std::uint64_t index, Change change);

  std::uint64_t pages_in(PageSpan span) const;
  // The first page at or after `page` that was written to; and the first that was not.
  std::optional<std::uint64_t> next_page(std::uint64_t page) const;
  // From `end` on it does not look: then that is the answer, or more.
  std::uint64_t next_hole(std::uint64_t page, std::uint64_t end = ~std::uint64_t{0}) const;

 private:
  // What a chunk takes, with what the map needs for it.
  static constexpr std::uint64_t kChunkBytes = sizeof(Chunks::value_type) + 48;

  Chunk& chunk_for(std::uint64_t index, Room room);
  void hand_over(std::uint64_t index, BlockMap& other);
  void count(Chunk& chunk, Change change);
  void uncount(const Chunk& chunk) const;

  store::Store* store_;
  Chunks chunks_;  // none is empty
  std::uint64_t pages_ = 0;
};

}  // namespace scratchfs::content

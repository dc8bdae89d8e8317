// The block map of a file: a sparse index of its blocks, in chunks of 64 blocks (4 MiB of content).
//
// A dense file costs about 140 bytes per MiB, a lone block about 600 bytes wherever it is. Walking
// or cutting a range takes time in proportion to the existing blocks in it, never to its length.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>

#include "fs/content/ranges.h"
#include "fs/store/store.h"

namespace scratchfs::content {

// The bytes of the store's memory that the block map of a large file without holes takes for each
// block.
inline constexpr std::uint64_t kMapBytesPerBlock = 9;

// Owns the blocks. Not thread-safe: guarded by the content's lock. Blocks and pages are numbered
// from the start of the file.
class BlockMap {
  static constexpr std::size_t kBlocksPerChunk = 64;
  static constexpr std::uint16_t kPagesPerChunk = kBlocksPerChunk * kPagesPerBlock;

  struct Chunk {
    std::array<store::Block*, kBlocksPerChunk> blocks{};
    std::uint16_t present = 0;  // blocks
    std::uint16_t pages = 0;
    std::uint16_t written = 0;  // that were ever written
    bool counted = false;       // in the store's budget
  };
  using Chunks = std::map<std::uint64_t, Chunk>;

 public:
  explicit BlockMap(store::Store& store) : store_(&store) {}
  BlockMap(BlockMap&& other) noexcept;
  BlockMap& operator=(BlockMap&&) = delete;
  ~BlockMap();  // frees every block at once

  bool empty() const { return chunks_.empty(); }
  std::uint64_t pages() const { return pages_; }  // existing pages in all blocks

  store::Block* find(std::uint64_t index) const;  // nullptr: no block there
  struct Entry {
    std::uint64_t index;
    store::Block* block;
  };
  std::optional<Entry> next(std::uint64_t index) const;  // first block at or after `index`

  // Allocates the memory that put() may need for a block at `index`. May throw bad_alloc.
  using Room = Chunks::node_type;
  Room room_for(std::uint64_t index) const;
  // Inserts a block that has its pages already, and returns the previous block at `index`. Throws
  // bad_alloc, and frees the block, only if no `room` from room_for(index) is passed.
  store::BlockPtr put(std::uint64_t index, store::BlockPtr block, Room room = {});
  // Removes and returns a block. REQUIRES: it exists.
  store::BlockPtr take(std::uint64_t index);
  // Moves the blocks [first, last) into a new map. Never fails for lack of memory: frees the blocks
  // that the new map has no memory for.
  BlockMap cut(std::uint64_t first, std::uint64_t last);
  // Records that a block in the map has gained or (negative) lost existing pages and written pages.
  struct Change {
    int pages = 0;
    int written = 0;
  };
  void count(std::uint64_t index, Change change);

  std::uint64_t pages_in(PageSpan span) const;
  // Returns the first page at or after `page` that was ever written.
  std::optional<std::uint64_t> next_page(std::uint64_t page) const;
  // Returns the first page at or after `page` that was never written. Searches only up to `end`;
  // returns `end` or more if there is none before it.
  std::uint64_t next_hole(std::uint64_t page, std::uint64_t end = ~std::uint64_t{0}) const;

 private:
  // The memory of a chunk, including the map's node.
  static constexpr std::uint64_t kChunkBytes = sizeof(Chunks::value_type) + 48;

  Chunk& chunk_for(std::uint64_t index, Room room);
  void hand_over(std::uint64_t index, BlockMap& other);
  void count(Chunk& chunk, Change change);
  void uncount(const Chunk& chunk) const;

  store::Store* store_;
  Chunks chunks_;  // no chunk is empty
  std::uint64_t pages_ = 0;
};

}  // namespace scratchfs::content

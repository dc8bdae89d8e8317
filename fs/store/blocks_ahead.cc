// Blocks, read-ahead: fetches spilled blocks before they are requested, with one read for
// neighbouring slots.
#include <new>

#include "fs/store/blocks.h"

namespace scratchfs::store {

using State = Block::State;

// Starts a read-ahead of the block if it is spilled. Returns false if memory is short. Reserves the
// frames before touching the block, because threads that join the fetch rely on them.
bool Blocks::begin_ahead(Block& block, FetchJob& ahead) {
  Shard& shard = shard_of(block);
  base::Lock lock(shard.mutex);
  if (block.doomed || block.state != State::spilled) return true;
  // Everything that may throw comes before begin_reading(), after which other threads may wait for
  // the fetch.
  ahead.fetching = std::make_shared<Fetching>();
  ahead.fetching->ahead = true;
  ahead.resident = std::make_unique<Resident>();
  if (!budget_.try_reserve(Need::fetch, block.bytes())) return false;
  ahead.block = &block;
  begin_reading(block, *ahead.fetching);
  return true;
}

std::size_t Blocks::neighbours(std::span<const FetchJob> reads) {
  const Block& first = *reads.front().block;
  const SlotClass size = slot_class_of(first.mask);
  const std::size_t most = std::min<std::size_t>(reads.size(), kAheadBytes / slot_bytes(size));
  std::size_t count = 1;
  while (count < most && slot_class_of(reads[count].block->mask) == size &&
         reads[count].block->slot == first.slot + count) {
    ++count;
  }
  return count;
}

void Blocks::read_neighbours(std::span<FetchJob> reads) {
  const SlotClass size = slot_class_of(reads.front().block->mask);
  DiskBuffer buffer = ahead_buffers_.take();
  base::Result<void> read = base::Errno{ENOMEM};
  for (const FetchJob& each : reads) note_asked(shard_of(*each.block), *each.fetching);
  if (buffer != nullptr)
    read = read_slots(size, reads.front().block->slot,
                      {buffer.get(), reads.size() * slot_bytes(size)});
  for (std::size_t i = 0; i < reads.size(); ++i) {
    Block& block = *reads[i].block;
    std::unique_ptr<Resident> resident = std::move(reads[i].resident);
    base::Result<void> opened = read;
    if (read) {
      opened = open_into(block, reads[i].fetching->nonce, buffer.get() + i * slot_bytes(size),
                         *resident);
    }
    if (!opened) budget_.release(0, block.bytes());
    // Release the pin that finish_fetch() makes for its caller.
    if (finish_fetch(shard_of(block), block, *reads[i].fetching, opened, std::move(resident)))
      unpin(block);
  }
  if (buffer != nullptr) ahead_buffers_.put(std::move(buffer));
}

void Blocks::fetch_ahead(std::span<Block* const> blocks) {
  std::array<FetchJob, kBlocksAhead> reads;
  std::size_t begun = 0;
  try {
    for (Block* block : blocks) {
      if (!begin_ahead(*block, reads[begun])) break;
      if (reads[begun].block != nullptr) ++begun;
    }
  } catch (const std::bad_alloc&) {
    // Read what was begun; drop the rest, which nobody has requested yet.
  }
  for (std::span<FetchJob> rest(reads.data(), begun); !rest.empty();) {
    const std::size_t count = neighbours(rest);
    read_neighbours(rest.first(count));
    rest = rest.subspan(count);
  }
}

bool Blocks::hold_if_spilled(Block& block) {
  Shard& shard = shard_of(block);
  base::Lock lock(shard.mutex);
  if (block.state != State::spilled || block.blank) return false;
  add_hold(block);
  return true;
}

}  // namespace scratchfs::store

// The way back: reading a slot once for all who wait, verifying it, and pinning what came of it.
#include <spdlog/spdlog.h>

#include <cassert>

#include "fs/store/blocks.h"

namespace scratchfs::store {

using State = Block::State;

namespace {

// What end_fetch() finds in `fetching` is pinned for its caller and for everyone who joined.
std::uint32_t pins_of(const Fetching& fetching) { return 1 + fetching.waiters; }

}  // namespace

base::Result<void> Blocks::fetch(Block& block, Access access) {
  Shard& shard = shard_of(block);
  for (bool pinned = false;;) {
    std::shared_ptr<Fetching> fetching;
    Way way = Way::canceled;
    {
      base::Lock lock(shard.mutex);
      way = begin_fetch(shard, block, access, fetching);
    }
    base::Result<void> result;
    bool done = true;
    if (way == Way::canceled) result = base::Errno{ECANCELED};
    if (way == Way::promise) result = promise_dirty(shard, block, done);
    if (way == Way::read) result = run_fetch(shard, block, *fetching);
    if (way == Way::join) result = join_fetch(shard, *fetching);
    if (result && access == Access::write && (way == Way::read || way == Way::join)) {
      // It came clean; to write to it takes another round, with this pin in hand.
      pinned = true;
      continue;
    }
    if (!done) continue;
    if (pinned) unpin(block);
    return result;
  }
}

Blocks::Way Blocks::begin_fetch(Shard& shard, Block& block, Access access,
                                std::shared_ptr<Fetching>& fetching) {
  if (access == Access::write) await_encryption(shard, block);
  if (block.doomed) return Way::canceled;
  if (block.in_memory()) {
    if (access == Access::write && !make_writable(shard, block)) return Way::promise;
    add_pin(block);
    return Way::ready;
  }
  if (block.state == State::fetching) {
    fetching = block.fetching->shared_from_this();
    ++fetching->waiters;
    return Way::join;
  }
  fetching = begin_reading(block);
  return Way::read;
}

std::shared_ptr<Fetching> Blocks::begin_reading(Block& block) {
  assert(block.state == State::spilled);
  auto fetching = std::make_shared<Fetching>();
  fetching->nonce = block.nonce;
  block.fetching = fetching.get();
  block.state = State::fetching;
  return fetching;
}

base::Result<void> Blocks::join_fetch(Shard& shard, const Fetching& fetching) {
  base::Lock lock(shard.mutex);
  while (!fetching.done) shard.changed.wait(shard.mutex);
  if (fetching.error) return *fetching.error;
  return {};
}

// A clean block is to be written to but firm memory is short: waits for that without the mutex,
// then looks again.
base::Result<void> Blocks::promise_dirty(Shard& shard, Block& block, bool& done) {
  std::uint64_t bytes = 0;
  {
    base::Lock lock(shard.mutex);
    bytes = block.bytes();
  }
  if (auto reserved = budget_.reserve(Need::dirty, bytes); !reserved) return reserved;
  base::Lock lock(shard.mutex);
  const bool still =
      block.state == State::resident && block.resident->clean && block.bytes() == bytes;
  if (still) {
    make_firm(block);
    add_pin(block);
  }
  budget_.settle_dirty(bytes, still);
  done = still;
  return {};
}

base::Result<void> Blocks::run_fetch(Shard& shard, Block& block, Fetching& fetching) {
  auto resident = std::make_unique<Resident>();
  const std::uint64_t bytes = block.bytes();
  base::Result<void> result = budget_.reserve(Need::fetch, bytes);
  if (result) {
    result = load(block, fetching.nonce, *resident);
    if (!result) budget_.release(0, bytes);
  }
  finish_fetch(shard, block, fetching, result, std::move(resident));
  if (fetching.error) result = *fetching.error;
  return result;
}

// True: the block is in memory, pinned for the caller and for all who joined. Who calls has a hold.
bool Blocks::finish_fetch(Shard& shard, Block& block, Fetching& fetching,
                          const base::Result<void>& loaded, std::unique_ptr<Resident> resident) {
  base::Lock lock(shard.mutex);
  if (!loaded) {
    fetching.error = loaded.error();
    resident.reset();
  }
  end_fetch(shard, block, fetching, std::move(resident));
  const bool last = block.doomed && !block.in_memory() && reap(shard, block);
  assert(!last && "the caller has a hold");
  static_cast<void>(last);
  return !fetching.error;
}

void Blocks::end_fetch(Shard& shard, Block& block, Fetching& fetching,
                       std::unique_ptr<Resident> resident) {
  fetching.done = true;
  shard.changed.notify_all();
  if (resident == nullptr) {
    block.nonce = fetching.nonce;
    block.state = State::spilled;
    if (block.doomed) fetching.error = base::Errno{ECANCELED};
    return;
  }
  budget_.forget(kRememberedBytes);
  fetched_.fetch_add(1, std::memory_order_relaxed);
  resident->block = &block;
  resident->nonce = fetching.nonce;
  resident->clean = true;
  resident->referenced = true;
  shard.add(*resident, std::chrono::steady_clock::now());
  block.resident = resident.release();
  block.state = State::resident;
  if (block.doomed) {
    fetching.error = base::Errno{ECANCELED};
    free_memory(shard, block);
    return;
  }
  block.resident->pins = pins_of(fetching);
}

base::Result<void> Blocks::load(const Block& block, std::uint64_t nonce, Resident& resident) {
  DiskBuffer buffer = buffers_.take();
  if (buffer == nullptr) return base::Errno{ENOMEM};
  auto result = read_slots(slot_class_of(block.mask), block.slot, {buffer.get(), block.bytes()});
  if (result) result = open_into(block, nonce, buffer.get(), resident);
  buffers_.put(std::move(buffer));
  return result;
}

base::Result<void> Blocks::read_slots(SlotClass size, std::uint32_t slot,
                                      std::span<std::byte> into) {
  const auto result = slots_->read(size, slot, into);
  if (result) return {};
  if (const auto omitted = fetch_log_.admit()) {
    spdlog::error("spill: reading failed: {}{}",
                  std::generic_category().message(result.error().value()),
                  base::and_more(*omitted));
  }
  return base::Errno{EIO};
}

// Verifies and decrypts into frames of the block's own. Reads its mask and tag without its mutex:
// they stay as they are while it is `fetching`.
base::Result<void> Blocks::open_into(const Block& block, std::uint64_t nonce,
                                     const std::byte* sealed, Resident& resident) {
  std::array<FrameIndex, kPagesPerBlock> frames;
  std::array<std::byte*, kPagesPerBlock> pages{};
  const auto taken = std::span(frames).first(static_cast<std::size_t>(std::popcount(block.mask)));
  frames_.take(taken);
  std::size_t next = 0;
  for (unsigned rest = block.mask; rest != 0; rest &= rest - 1) {
    pages[next] = frames_.address(taken[next]);
    resident.frames[static_cast<std::size_t>(std::countr_zero(rest))] = taken[next++];
  }
  if (cipher_->open({nonce, block.tag}, sealed, block.mask, std::span(pages).first(next)))
    return {};
  frames_.put(taken);
  const auto corrupt = corrupt_.fetch_add(1, std::memory_order_relaxed) + 1;
  if (const auto omitted = fetch_log_.admit()) {
    spdlog::error("spill: a block came back changed and is refused ({} so far){}", corrupt,
                  base::and_more(*omitted));
  }
  return base::Errno{EIO};
}

}  // namespace scratchfs::store

// Blocks, the owner's side: make, pin, hold and drop. For eviction, fetching and read-ahead see
// blocks_spill.cc, blocks_fetch.cc and blocks_ahead.cc.
#include "fs/store/blocks.h"

#include <cassert>

namespace scratchfs::store {

using State = Block::State;

Blocks::Blocks(Frames& frames, Budget& budget, Slots* slots, Cipher* cipher, ReadSoon read_soon)
    : frames_(frames),
      budget_(budget),
      slots_(slots),
      cipher_(cipher),
      read_soon_(std::move(read_soon)) {}

Blocks::~Blocks() { assert(alive_ == 0 && "a block outlives its store"); }

Shard& Blocks::shard_of(const Block& block) {
  // Blocks that are made in sequence share a page of the heap. Keeping them in one shard makes them
  // age together, so that they are spilled side by side and read back with one read.
  const auto page =
      static_cast<std::uint64_t>(reinterpret_cast<std::uintptr_t>(&block)) / kPageSize;
  return shards_[(page * 0x9e3779b97f4a7c15ULL) >> 58];
}

Block* Blocks::make() {
  static_assert(kShards == std::size_t{1} << (64 - 58));
  auto block = std::make_unique<Block>();
  auto resident = std::make_unique<Resident>();
  resident->block = block.get();
  block->resident = resident.get();
  alive_.fetch_add(1, std::memory_order_relaxed);
  Shard& shard = shard_of(*block);
  base::Lock lock(shard.mutex);
  shard.add(*resident.release(), std::chrono::steady_clock::now());
  return block.release();
}

Block* Blocks::make_blank(PageMask pages) {
  const SlotClass size = slot_class_of(pages);
  if (slots_ == nullptr) return nullptr;
  auto block = std::make_unique<Block>();
  if (!slots_->reserve(size)) return nullptr;
  if (!budget_.remember(kRememberedBytes)) {
    slots_->unreserve(size);
    return nullptr;
  }
  blank_.fetch_add(slot_bytes(size), std::memory_order_relaxed);
  block->nonce = 0;
  block->mask = block->unwritten = pages;
  block->state = State::spilled;
  block->blank = true;
  alive_.fetch_add(1, std::memory_order_relaxed);
  return block.release();
}

bool Blocks::reshape_blank(Block& block, PageMask pages) {
  base::Lock lock(shard_of(block).mutex);
  if (block.state != State::spilled || !block.blank) return false;
  const SlotClass from = slot_class_of(block.mask);
  const SlotClass to = slot_class_of(pages);
  if (!slots_->resize_reserved(from, to)) return false;
  blank_.fetch_add(slot_bytes(to) - slot_bytes(from), std::memory_order_relaxed);
  block.mask = block.unwritten = pages;
  return true;
}

void Blocks::destroy(Block* block) {
  delete block;
  alive_.fetch_sub(1, std::memory_order_relaxed);
}

void Blocks::add_pin(Block& block) {
  ++block.resident->pins;
  count_use(*block.resident, budget_.age());
}

void Blocks::await_encryption(Shard& shard, Block& block) {
  while (block.state == State::encrypting) shard.changed.wait(shard.mutex);
}

// Withdraws a block from the spiller, which finds its entry empty and discards the slot.
void Blocks::stay(Block& block) {
  if (block.state != State::chosen && block.state != State::writing) return;
  block.resident->leaving->block = nullptr;
  block.resident->nonce = 0;
  block.state = State::resident;
}

void Blocks::make_firm(Block& block) {
  free_slot(block);
  block.resident->clean = false;
}

void Blocks::free_slot(Block& block) {
  const SlotClass size = slot_class_of(block.mask);
  if (!block.blank) return slots_->free(size, block.slot);
  block.blank = false;
  blank_.fetch_sub(slot_bytes(size), std::memory_order_relaxed);
  slots_->unreserve(size);
}

bool Blocks::make_writable(Shard& shard, Block& block) {
  await_encryption(shard, block);
  if (!block.in_memory()) return false;
  stay(block);
  if (!block.resident->clean) return true;
  if (!budget_.try_reserve(Need::dirty, block.bytes())) return false;
  make_firm(block);
  budget_.settle_dirty(block.bytes(), true);
  return true;
}

base::Result<void> Blocks::pin(Block& block, Access access) {
  Shard& shard = shard_of(block);
  base::Lock lock(shard.mutex);
  if (block.state == State::spilled && block.blank) {
    lock.unlock();
    return pin_blank(block, access);
  }
  if (!block.in_memory()) return base::kWouldBlock;
  if (access == Access::write && !make_writable(shard, block)) return base::kWouldBlock;
  add_pin(block);
  return {};
}

void Blocks::unpin(Block& block) {
  Shard& shard = shard_of(block);
  base::Lock lock(shard.mutex);
  assert(block.resident->pins > 0);
  --block.resident->pins;
  const bool last = block.doomed && reap(shard, block);
  lock.unlock();
  if (last) destroy(&block);
}

void Blocks::add_hold(Block& block) {
  assert(block.holds < UINT16_MAX);
  ++block.holds;
}

void Blocks::hold(Block& block) {
  base::Lock lock(shard_of(block).mutex);
  add_hold(block);
}

std::uint64_t Blocks::spilled_bytes(const Block& block) {
  base::Lock lock(shard_of(block).mutex);
  return block.in_memory() ? 0 : block.bytes();
}

void Blocks::unhold(Block& block) {
  Shard& shard = shard_of(block);
  base::Lock lock(shard.mutex);
  assert(block.holds > 0);
  --block.holds;
  const bool last = block.doomed && reap(shard, block);
  lock.unlock();
  if (last) destroy(&block);
}

void Blocks::drop(Block& block) {
  Shard& shard = shard_of(block);
  base::Lock lock(shard.mutex);
  block.doomed = true;
  const bool last = reap(shard, block);
  lock.unlock();
  if (last) destroy(&block);
}

bool Blocks::reap(Shard& shard, Block& block) {
  switch (block.state) {
    case State::resident:
    case State::chosen:
    case State::writing:
      stay(block);
      if (block.resident->pins > 0) return false;
      free_memory(shard, block);
      break;
    case State::spilled:
      free_slot(block);
      budget_.forget(kRememberedBytes);
      block.state = State::gone;
      break;
    case State::encrypting:
    case State::fetching:
      return false;  // the thread that does it calls reap() again
    case State::gone:
      break;
  }
  return block.holds == 0;
}

void Blocks::free_memory(Shard& shard, Block& block) {
  const std::unique_ptr<Resident> resident(block.resident);
  shard.remove(*resident);
  block.state = State::gone;
  if (block.mask == 0) return;
  std::array<FrameIndex, kPagesPerBlock> frames;
  const std::size_t count = frames_of(block.mask, *resident, frames);
  frames_.put(std::span(frames).first(count));
  if (resident->clean) free_slot(block);
  budget_.release(resident->clean ? 0 : block.bytes(), resident->clean ? block.bytes() : 0);
}

Blocks::Totals Blocks::totals() const {
  return {spilled_.load(std::memory_order_relaxed), fetched_.load(std::memory_order_relaxed),
          corrupt_.load(std::memory_order_relaxed), blank_.load(std::memory_order_relaxed)};
}

}  // namespace scratchfs::store

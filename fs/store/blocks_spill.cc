// Blocks, eviction: chooses cold blocks, encrypts them, and completes or abandons their write.
#include <algorithm>
#include <cassert>
#include <utility>

#include "fs/store/blocks.h"

namespace scratchfs::store {

using State = Block::State;

namespace {
// Bounds how long owners wait for the shard's mutex.
constexpr std::size_t kLooksPerLock = 64;
// Extends a shard's turn, so that shards of interleaving ages do not alternate block by block.
constexpr auto kLongerTurn = std::chrono::milliseconds(1);
}  // namespace

Blocks::Choice Blocks::choose(std::uint64_t wanted, std::uint64_t ample, bool may_write,
                              std::uint64_t most, std::vector<Leaving>& chosen) {
  // Blocks point to their entry, so the vector must not reallocate.
  assert(chosen.empty() && chosen.capacity() * kPageSize >= most);
  Choice choice;
  // The first round over all blocks spares the hot ones; in later rounds each visit costs a use.
  Search search{.round = std::chrono::steady_clock::now(),
                .turn = {},
                .hurried = false,
                .wanted = ample,
                .may_write = may_write,
                .most = most};
  for (int rounds = 0; !search.satisfied(choice);) {
    const auto [shard, turn] = oldest_shard();
    if (shard->oldest.load(std::memory_order_relaxed) < search.round) {
      search.turn = turn;
      choose_in(*shard, search, chosen, choice);
    } else if (rounds++ <= kMostUses) {
      search.round = std::chrono::steady_clock::now();
      search.hurried = true;
      search.wanted = wanted;
      search.may_write = may_write && !choice.no_slot;
    } else {
      break;
    }
  }
  return choice;
}

std::pair<Shard*, Moment> Blocks::oldest_shard() {
  Shard* oldest = nullptr;
  Moment first = Moment::max();
  Moment second = Moment::max();
  for (Shard& shard : shards_) {
    const Moment its = shard.oldest.load(std::memory_order_relaxed);
    if (oldest == nullptr || its < first) {
      oldest = &shard;
      second = std::exchange(first, its);
    } else {
      second = std::min(second, its);
    }
  }
  return {oldest, second == Moment::max() ? second : second + kLongerTurn};
}

void Blocks::choose_in(Shard& shard, const Search& search, std::vector<Leaving>& chosen,
                       Choice& choice) {
  const std::uint32_t age = budget_.age();
  while (true) {
    const Moment now = std::chrono::steady_clock::now();
    base::Lock lock(shard.mutex);
    for (std::size_t i = 0; i < kLooksPerLock; ++i) {
      // A block that was passed in this round has been examined; other shards have colder ones.
      const Moment oldest = shard.ring.oldest();
      if (search.satisfied(choice) || oldest >= search.round || oldest > search.turn) return;
      Resident& resident = shard.next(now);
      const Block& block = *resident.block;
      if (block.state != State::resident || resident.pins > 0 || block.mask == 0) continue;
      if (!resident.clean && !search.may_write) continue;
      if (is_cold_after_visit(resident, age, search.hurried))
        take_victim(shard, resident, chosen, choice);
    }
  }
}

void Blocks::take_victim(Shard& shard, Resident& victim, std::vector<Leaving>& chosen,
                         Choice& choice) {
  Block& block = *victim.block;
  if (victim.clean) {
    choice.evicted += block.bytes();
    become_spilled(shard, block, Seal{victim.nonce, block.tag}, 0, block.bytes());
    return;
  }
  if (block.unwritten == block.mask && become_blank(shard, block)) {
    choice.evicted += block.bytes();
    return;
  }
  budget_.leaving(block.bytes());
  if (!budget_.may_remember(kRememberedBytes) || !slots_->reserve(slot_class_of(block.mask))) {
    budget_.stays(block.bytes());
    choice.no_slot = true;
    return;
  }
  Leaving& leaving = chosen.emplace_back();
  leaving.shard = &shard;
  leaving.block = &block;
  leaving.mask = block.mask;
  victim.leaving = &leaving;
  block.state = State::chosen;
  choice.leaving += block.bytes();
}

// Evicts a block that was never written, without writing its slot.
bool Blocks::become_blank(Shard& shard, Block& block) {
  const SlotClass size = slot_class_of(block.mask);
  if (!budget_.may_remember(kRememberedBytes) || !slots_->reserve(size)) return false;
  block.blank = true;
  blank_.fetch_add(slot_bytes(size), std::memory_order_relaxed);
  become_spilled(shard, block, Seal{0, block.tag}, block.bytes(), 0);
  return true;
}

void Blocks::become_spilled(Shard& shard, Block& block, const Seal& seal, std::uint64_t firm,
                            std::uint64_t clean) {
  const std::unique_ptr<Resident> resident(block.resident);
  shard.remove(*resident);
  std::array<FrameIndex, kPagesPerBlock> frames;
  const std::size_t count = frames_of(block.mask, *resident, frames);
  frames_.put(std::span(frames).first(count));
  block.nonce = seal.nonce;
  block.tag = seal.tag;
  block.state = State::spilled;
  budget_.spilled(firm, clean, kRememberedBytes);
}

bool Blocks::seal(Leaving& leaving, std::byte* sealed) {
  Shard& shard = *leaving.shard;
  std::array<FrameIndex, kPagesPerBlock> frames;
  std::size_t count = 0;
  {
    base::Lock lock(shard.mutex);
    if (leaving.block == nullptr) return false;
    leaving.block->state = State::encrypting;
    count = frames_of(leaving.mask, *leaving.block->resident, frames);
  }
  std::array<const std::byte*, kPagesPerBlock> pages{};
  for (std::size_t i = 0; i < count; ++i) pages[i] = frames_.address(frames[i]);
  const auto made = cipher_->seal(std::span(pages).first(count), leaving.mask, sealed);

  base::Lock lock(shard.mutex);
  Block* block = leaving.block;
  block->state = State::writing;
  shard.changed.notify_all();
  if (made) leaving.seal = *made;
  if (made && !block->doomed) return true;
  stay(*block);
  const bool last = block->doomed && reap(shard, *block);
  lock.unlock();
  if (last) destroy(block);
  return false;
}

std::uint64_t Blocks::written(Leaving& leaving) {
  Shard& shard = *leaving.shard;
  base::Lock lock(shard.mutex);
  Block* block = leaving.block;
  if (block == nullptr) {
    lock.unlock();
    slots_->free(slot_class_of(leaving.mask), leaving.slot);
    return 0;
  }
  block->slot = leaving.slot;
  spilled_.fetch_add(1, std::memory_order_relaxed);
  if (block->resident->pins == 0) {
    become_spilled(shard, *block, leaving.seal, block->bytes(), 0);
    return block->bytes();
  }
  // It is being read: it stays in memory, but is clean, so that its next eviction is free.
  block->tag = leaving.seal.tag;
  block->resident->nonce = leaving.seal.nonce;
  block->resident->clean = true;
  block->state = State::resident;
  budget_.made_clean(block->bytes());
  return 0;
}

void Blocks::not_written(Leaving& leaving, bool has_slot) {
  {
    base::Lock lock(leaving.shard->mutex);
    if (leaving.block != nullptr) stay(*leaving.block);
  }
  if (has_slot) {
    slots_->free(slot_class_of(leaving.mask), leaving.slot);
  } else {
    slots_->unreserve(slot_class_of(leaving.mask));
  }
}

}  // namespace scratchfs::store

#include "fs/store/store.h"

#include <algorithm>
#include <cassert>
#include <cstring>

#include "fs/store/store_impl.h"

namespace scratchfs::store {

base::Result<void> Store::Impl::make_parts(const StoreOptions& options) {
  auto made_frames = Frames::create(options.memory,
                                    {.surplus = [this] { housekeeper.surplus_frames(); },
                                     .low = [this] { housekeeper.low_frames(); }},
                                    options.most_memory);
  if (!made_frames) return made_frames.error();
  frames = *std::move(made_frames);
  if (options.spill > 0) {
    auto made_cipher = Cipher::create();
    if (!made_cipher) return made_cipher.error();
    cipher = *std::move(made_cipher);
    auto made_slots = Slots::create(
        *options.spill_directory, options.spill,
        {.stale = [this] { housekeeper.stale_slots(); }, .room = [this] { budget.unblock(); }});
    if (!made_slots) return made_slots.error();
    slots = *std::move(made_slots);
  }
  blocks = std::make_unique<Blocks>(*frames, budget, slots.get(), cipher.get(),
                                    [this](FetchJob& job) { return fetch_pool->read_soon(job); });
  if (auto started = housekeeper.start(*frames, slots.get()); !started) return started;
  if (options.pressure != nullptr) {
    auto watch = PressureWatch::create(*options.pressure, budget, housekeeper);
    if (!watch) return watch.error();
    pressure = *std::move(watch);
  }
  if (slots == nullptr) return {};
  auto made_spiller = Spiller::create(*blocks, budget, *slots);
  if (!made_spiller) return made_spiller.error();
  spiller = *std::move(made_spiller);
  fetch_pool = std::make_unique<FetchPool>(*blocks);
  return {};
}

void Store::Impl::give_back_frames(std::span<const FrameIndex> unused) {
  if (unused.empty()) return;
  frames->put(unused);
  budget.release(unused.size() * kPageSize, 0);
}

base::Result<std::unique_ptr<Store>> Store::create(const StoreOptions& options) {
  if (options.memory < kMinBudget) return base::Errno{EINVAL};
  if (options.spill > 0 && options.spill_directory == nullptr) return base::Errno{EINVAL};
  auto impl = std::make_unique<Impl>(options.memory, options.spill > 0);
  if (auto made = impl->make_parts(options); !made) return made.error();
  return std::unique_ptr<Store>(new Store(std::move(impl)));
}

Store::Store(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Store::~Store() = default;

BlockPtr Store::new_block() { return BlockPtr(impl_->blocks->make(), BlockDeleter{this}); }

BlockPtr Store::new_blank(PageMask pages) {
  return BlockPtr(impl_->blocks->make_blank(pages), BlockDeleter{this});
}

bool Store::reshape_blank(Block& block, PageMask pages) {
  return impl_->blocks->reshape_blank(block, pages);
}

PageMask Store::pages(const Block& block) { return block.mask; }

PageMask Store::written(const Block& block) { return without(block.mask, block.unwritten); }

void BlockDeleter::operator()(Block* block) const { store->impl_->blocks->drop(*block); }

base::Result<Pin> Store::pin(Block& block, Access access) {
  if (auto pinned = impl_->blocks->pin(block, access); !pinned) return pinned.error();
  return Pin(this, &block, access == Access::write);
}

Hold Store::hold(Block& block) {
  impl_->blocks->hold(block);
  return {&block, Unhold{this}};
}

base::Result<Pin> Store::fetch(const Hold& hold, Access access, base::Wait wait) {
  if (auto pinned = impl_->blocks->fetch(*hold, access, wait); !pinned) return pinned.error();
  return Pin(this, hold.get(), access == Access::write);
}

bool Store::has_spilled() const { return impl_->slots && impl_->slots->in_use() > 0; }

std::uint64_t Store::spilled_bytes(const Block& block) const {
  return impl_->blocks->spilled_bytes(block);
}

void Store::read_ahead(std::span<Block* const> blocks) {
  FetchPool::Ahead request(1);
  request.front().reserve(blocks.size());  // so that no hold is lost to bad_alloc
  for (Block* block : blocks) {
    if (impl_->blocks->hold_if_spilled(*block)) request.front().push_back(block);
  }
  if (!request.front().empty()) impl_->fetch_pool->read_ahead(std::move(request));
}

base::Result<FrameGrant> Store::try_take_frames(unsigned count) {
  if (auto room = impl_->budget.try_reserve(Need::take, count * kPageSize); !room)
    return room.error();
  return grant(count);
}

base::Result<FrameGrant> Store::take_frames(unsigned count, base::Wait wait) {
  if (auto room = impl_->budget.reserve(Need::take, count * kPageSize, wait); !room)
    return room.error();
  return grant(count);
}

// REQUIRES: memory for `count` frames is reserved.
FrameGrant Store::grant(unsigned count) {
  assert(count >= 1 && count <= kPagesPerBlock);
  FrameGrant grant(this, count);
  impl_->frames->take(std::span(grant.frames_).first(count));
  return grant;
}

base::Result<void> Store::add_small(std::uint64_t bytes) { return impl_->budget.add_small(bytes); }
base::Result<void> Store::add_objects(std::uint64_t bytes) {
  return impl_->budget.add_objects(bytes);
}
void Store::remove_small(std::uint64_t bytes) {
  // Every inode and content ends up here, mostly with 0 bytes: spares the budget's mutex.
  if (bytes == 0) return;
  impl_->budget.remove_small(bytes);
  impl_->housekeeper.freed_heap(bytes);
}

Freeing Store::freeing(std::uint64_t bytes) {
  impl_->budget.freeing(bytes);
  return {this, bytes};
}

base::Result<void> Store::set_memory(std::uint64_t bytes) {
  if (bytes < kMinBudget) return base::Errno{EINVAL};
  const bool grows = bytes > impl_->budget.marks().budget;
  if (grows) {
    if (auto more = impl_->frames->resize(bytes); !more) return more;
  }
  const std::uint64_t room = impl_->slots ? impl_->slots->room() : 0;
  if (auto resized = impl_->budget.resize(bytes, room); !resized) return resized;
  if (grows) return {};
  impl_->housekeeper.surplus_frames();
  return impl_->frames->resize(bytes);
}

base::Result<void> Store::set_spill(std::uint64_t bytes) {
  if (!impl_->slots) return bytes == 0 ? base::Result<void>{} : base::Errno{EINVAL};
  impl_->slots->set_limit(bytes);
  return {};
}

namespace {

// Returns how much of the disk's `room` blocks can use: each block leaves `per_block` bytes in
// memory, for which `memory` bytes are available.
std::uint64_t usable(std::uint64_t room, std::uint64_t memory, std::uint64_t per_block) {
  const std::uint64_t blocks = std::min(room / kBlockSize, memory / per_block);
  return std::min(room, (blocks + 1) * kBlockSize) - blocks * per_block;
}

std::uint64_t less(std::uint64_t bytes, std::uint64_t taken) {
  return bytes > taken ? bytes - taken : 0;
}

}  // namespace

std::uint64_t Store::total_bytes(Overhead overhead) const {
  const Budget::Counts counts = impl_->budget.counts();
  const std::uint64_t memory = less(impl_->budget.marks().trigger, overhead.fixed);
  const std::uint64_t in_memory = memory - memory / kBlockSize * overhead.per_block;
  if (!impl_->slots) return in_memory;
  return in_memory + usable(impl_->slots->limit(), less(counts.most_remembered, overhead.fixed),
                            kRememberedBytes + overhead.per_block);
}

std::uint64_t Store::free_bytes(Overhead overhead) const {
  const Budget::Counts counts = impl_->budget.counts();
  const std::uint64_t memory = less(impl_->budget.marks().trigger, counts.firm + overhead.fixed);
  std::uint64_t bytes = counts.freeing + memory - memory / kBlockSize * overhead.per_block;
  if (impl_->slots) {
    const std::uint64_t remembered = counts.small + counts.remembered + overhead.fixed;
    bytes += usable(impl_->slots->room(), less(counts.most_remembered, remembered),
                    kRememberedBytes + overhead.per_block);
  }
  return std::min(bytes, total_bytes(overhead));
}

StoreStats Store::stats() const {
  const Blocks::Totals totals = impl_->blocks->totals();
  StoreStats stats;
  stats.budget = impl_->budget.marks().budget;
  stats.target = impl_->budget.target();
  stats.under_pressure = impl_->pressure && impl_->pressure->relief() > 0;
  stats.memory_used = impl_->budget.counts().used;
  stats.reserve = impl_->frames->reserve_bytes();
  stats.spill_limit = impl_->slots ? impl_->slots->limit() : 0;
  stats.spilled = impl_->slots ? impl_->slots->in_use() : 0;
  stats.set_aside = totals.blank;
  stats.blocks_spilled = totals.spilled;
  stats.blocks_fetched = totals.fetched;
  stats.blocks_corrupt = totals.corrupt;
  stats.spill_errors = impl_->spiller ? impl_->spiller->errors() : 0;
  return stats;
}

FrameGrant::FrameGrant(FrameGrant&& other) noexcept
    : store_(other.store_), count_(std::exchange(other.count_, 0)), frames_(other.frames_) {}

FrameGrant& FrameGrant::operator=(FrameGrant&& other) noexcept {
  std::swap(store_, other.store_);
  std::swap(count_, other.count_);
  std::swap(frames_, other.frames_);
  return *this;
}

FrameGrant::~FrameGrant() {
  if (count_ > 0) store_->impl_->give_back_frames(std::span(frames_).first(count_));
}

void Unpin::operator()(Block* block) const { store->impl_->blocks->unpin(*block); }

const std::byte* Pin::page(unsigned index) const {
  if (!has_page(block_->mask, index)) return nullptr;
  return store().impl_->frames->address(block_->resident->frames[index]);
}

std::byte* Pin::writable_page(unsigned index) {
  assert(for_writing_);
  return const_cast<std::byte*>(page(index));
}

std::byte* Pin::add_page(unsigned index, FrameGrant& grant, bool will_fill) {
  assert(for_writing_ && !has_page(block_->mask, index) && grant.count_ > 0);
  const FrameIndex frame = grant.frames_[--grant.count_];
  std::byte* page = store().impl_->frames->address(frame);
  if (!will_fill) std::memset(page, 0, kPageSize);
  block_->resident->frames[index] = frame;
  block_->mask |= pages_between(index, index + 1);
  return page;
}

void Pin::drop_pages(PageMask mask) {
  assert(for_writing_);
  const PageMask dropped = block_->mask & mask;
  std::array<FrameIndex, kPagesPerBlock> frames;
  const std::size_t count = frames_of(dropped, *block_->resident, frames);
  block_->mask = without(block_->mask, mask);
  block_->unwritten &= block_->mask;
  store().impl_->give_back_frames(std::span(frames).first(count));
}

void Pin::note_written(PageMask pages) {
  assert(for_writing_);
  block_->unwritten = without(block_->unwritten, pages);
}

void Pin::note_unwritten(PageMask pages) {
  assert(for_writing_ && (pages & ~block_->mask) == 0);
  block_->unwritten |= pages;
}

Freeing::Freeing(Freeing&& other) noexcept
    : store_(std::exchange(other.store_, nullptr)), bytes_(other.bytes_) {}

Freeing::~Freeing() {
  if (store_ != nullptr) freed(bytes_);
}

void Freeing::freed(std::uint64_t bytes) {
  assert(bytes <= bytes_);
  bytes_ -= bytes;
  store_->impl_->budget.freed(bytes);
}

void Unhold::operator()(Block* block) const { store->impl_->blocks->unhold(*block); }

}  // namespace scratchfs::store

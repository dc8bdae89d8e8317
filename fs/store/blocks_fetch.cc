// Blocks, fetching: reads a slot once for all waiters, verifies it, and pins the block.

#include <cassert>
#include <cstring>
#include <new>

#include "fs/base/log.h"
#include "fs/store/blocks.h"

namespace scratchfs::store {

using State = Block::State;

namespace {

// Returns the pins of a fetched block: one for the caller of end_fetch() and one per waiter.
std::uint32_t pins_of(const Fetching& fetching) { return 1 + fetching.waiters; }

}  // namespace

base::Result<void> Blocks::fetch(Block& block, Access access, base::Wait wait) {
  Shard& shard = shard_of(block);
  for (bool pinned = false;;) {
    FetchJob job;
    if (!pinned) job.resident = std::make_unique<Resident>();  // a pinned block is in memory
    Way way = Way::canceled;
    {
      base::Lock lock(shard.mutex);
      way = begin_fetch(shard, block, access, wait, job);
    }
    const std::shared_ptr<Fetching> fetching = job.fetching;
    base::Result<void> result;
    bool done = true;
    if (way == Way::canceled) result = base::Errno{ECANCELED};
    if (way == Way::promise) result = promise_dirty(shard, block, wait, done);
    if (way == Way::read) result = read_now(shard, block, job);
    if (way == Way::hand_over) hand_over(job);
    if (way == Way::hand_over || way == Way::join) result = join_fetch(shard, *fetching, wait);
    if (result && access == Access::write && fetching) {
      // The block is clean now. Writing to it takes another round, with this pin in hand.
      pinned = true;
      continue;
    }
    if (!done) continue;
    if (pinned) unpin(block);
    return result;
  }
}

Blocks::Way Blocks::begin_fetch(Shard& shard, Block& block, Access access, base::Wait wait,
                                FetchJob& job) {
  if (access == Access::write) await_encryption(shard, block);
  if (block.doomed) return Way::canceled;
  if (block.in_memory()) {
    if (access == Access::write && !make_writable(shard, block)) return Way::promise;
    add_pin(block);
    return Way::ready;
  }
  const bool joins = block.state == State::fetching;
  if (joins) {
    job.fetching = block.fetching->shared_from_this();
  } else {
    job.fetching = std::make_shared<Fetching>();
    begin_reading(block, *job.fetching);
  }
  if (!joins && (wait.deadline() == nullptr || !read_soon_)) return Way::read;
  ++job.fetching->waiters;
  if (joins) return Way::join;
  job.block = &block;
  add_hold(block);
  return Way::hand_over;
}

void Blocks::begin_reading(Block& block, Fetching& fetching) {
  assert(block.state == State::spilled);
  fetching.nonce = block.nonce;
  block.fetching = &fetching;
  block.state = State::fetching;
}

// If nobody accepts the job, the caller reads the block itself, however long that takes.
void Blocks::hand_over(FetchJob& job) {
  if (!read_soon_(job)) read(std::move(job));
}

base::Result<void> Blocks::join_fetch(Shard& shard, Fetching& fetching, base::Wait wait) {
  base::Lock lock(shard.mutex);
  while (!fetching.done) {
    wait.progressed(fetching.asked.value_or(last_read_.load()));
    if (const auto why = wait.over()) {
      --fetching.waiters;
      return *why;
    }
    shard.changed.wait(shard.mutex, wait);
  }
  if (fetching.error) return *fetching.error;
  return {};
}

// Makes a clean block firm for writing when firm memory is short: waits for the reservation without
// the mutex, then checks the block again. `done` is false if it has changed meanwhile.
base::Result<void> Blocks::promise_dirty(Shard& shard, Block& block, base::Wait wait, bool& done) {
  std::uint64_t bytes = 0;
  {
    base::Lock lock(shard.mutex);
    bytes = block.bytes();
  }
  if (auto reserved = reserve(Need::dirty, bytes, wait); !reserved) return reserved;
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

// Like a fetch, but needs no disk. Succeeds only if memory is available at once.
base::Result<void> Blocks::pin_blank(Block& block, Access access) {
  Shard& shard = shard_of(block);
  FetchJob job{.block = &block,
               .fetching = std::make_shared<Fetching>(),
               .resident = std::make_unique<Resident>()};
  {
    base::Lock lock(shard.mutex);
    const bool can = block.state == State::spilled && block.blank;
    if (!can || !budget_.try_reserve(Need::fetch, block.bytes())) return base::kWouldBlock;
    begin_reading(block, *job.fetching);
  }
  const auto loaded = load(block, 0, *job.resident);
  finish_fetch(shard, block, *job.fetching, loaded, std::move(job.resident));
  if (access == Access::read) return {};
  {
    base::Lock lock(shard.mutex);
    if (make_writable(shard, block)) return {};
  }
  unpin(block);
  return base::kWouldBlock;
}

// Returns ENOMEM instead of throwing, because other threads wait for the block or it is pinned.
base::Result<void> Blocks::reserve(Need need, std::uint64_t bytes, base::Wait wait) {
  try {
    return budget_.reserve(need, bytes, wait);
  } catch (const std::bad_alloc&) {
    return base::Errno{ENOMEM};
  }
}

base::Result<void> Blocks::read_now(Shard& shard, Block& block, FetchJob& job) {
  const std::uint64_t bytes = block.bytes();
  base::Result<void> result = reserve(Need::fetch, bytes, base::Wait::yes);
  if (result) {
    note_asked(shard, *job.fetching);
    result = load(block, job.fetching->nonce, *job.resident);
    if (!result) budget_.release(0, bytes);
  }
  finish_fetch(shard, block, *job.fetching, result, std::move(job.resident));
  if (job.fetching->error) result = *job.fetching->error;
  return result;
}

void Blocks::note_asked(Shard& shard, Fetching& fetching) {
  base::Lock lock(shard.mutex);
  fetching.asked = std::chrono::steady_clock::now();
}

void Blocks::read(FetchJob job) {
  Block& block = *job.block;
  // Release the pin made for this thread; the waiters have their own.
  if (read_now(shard_of(block), block, job)) unpin(block);
  unhold(block);
}

void Blocks::give_up(FetchJob job) {
  Block& block = *job.block;
  finish_fetch(shard_of(block), block, *job.fetching, base::Errno{ECANCELED}, nullptr);
  unhold(block);
}

// Ends a fetch. Returns true if the block is in memory, pinned for the caller and for all waiters.
// The caller has a hold.
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
  if (!block.blank) fetched_.fetch_add(1, std::memory_order_relaxed);
  resident->block = &block;
  resident->nonce = fetching.nonce;
  resident->clean = true;
  if (!fetching.ahead || fetching.waiters > 0) resident->used_at = budget_.age();
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
  if (block.blank) {
    Pages pages{};
    for (std::byte* page : take_pages(block.mask, resident, pages)) std::memset(page, 0, kPageSize);
    return {};
  }
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
  if (result) {
    last_read_ = std::chrono::steady_clock::now();
    return {};
  }
  log::limited(fetch_log_, log::Level::error, "spill: read failed: {}",
               std::strerror(result.error().value()));
  return base::Errno{EIO};
}

// Takes frames for the pages of `mask` and returns their addresses.
std::span<std::byte* const> Blocks::take_pages(PageMask mask, Resident& resident, Pages& pages) {
  std::array<FrameIndex, kPagesPerBlock> frames;
  const auto taken = std::span(frames).first(count_of(mask));
  frames_.take(taken);
  std::size_t next = 0;
  for (unsigned rest = mask; rest != 0; rest &= rest - 1) {
    pages[next] = frames_.address(taken[next]);
    resident.frames[static_cast<std::size_t>(std::countr_zero(rest))] = taken[next++];
  }
  return std::span(pages).first(next);
}

// Verifies a slot's bytes and decrypts them into new frames of the block. Reads the mask and tag
// without the mutex, because they do not change while the block is `fetching`.
base::Result<void> Blocks::open_into(const Block& block, std::uint64_t nonce,
                                     const std::byte* sealed, Resident& resident) {
  Pages pages{};
  const auto into = take_pages(block.mask, resident, pages);
  if (cipher_->open({nonce, block.tag}, sealed, block.mask, into)) return {};
  std::array<FrameIndex, kPagesPerBlock> frames;
  frames_.put(std::span(frames).first(frames_of(block.mask, resident, frames)));
  const auto corrupt = corrupt_.fetch_add(1, std::memory_order_relaxed) + 1;
  log::limited(fetch_log_, log::Level::error,
               "spill: a block failed verification and was rejected ({} so far)", corrupt);
  return base::Errno{EIO};
}

}  // namespace scratchfs::store

#include "fs/store/spiller.h"

#include <algorithm>
#include <cstring>

#include "fs/base/background.h"
#include "fs/base/log.h"

namespace scratchfs::store {
namespace {

// Maps a disk's error to one of the two that callers distinguish.
base::Errno told_as(base::Errno error) {
  return error == base::Errno{ENOSPC} || error == base::Errno{EDQUOT} ? base::Errno{ENOSPC}
                                                                      : base::Errno{EIO};
}

}  // namespace

base::Result<std::unique_ptr<Spiller>> Spiller::create(Blocks& blocks, Budget& budget,
                                                       Slots& slots) {
  std::unique_ptr<Spiller> spiller(new Spiller(blocks, budget, slots));
  spiller->threads_.reserve(kThreads);  // so that a started thread is never lost
  for (int i = 0; i < kThreads; ++i) {
    auto batch = std::make_shared<Batch>();
    batch->leaving.reserve(kBatchBytes / kPageSize);
    batch->order.reserve(kBatchBytes / kPageSize);
    batch->sealed.reserve(kBatchBytes / kPageSize);
    batch->buffer = make_disk_buffer(kBufferBytes);
    if (batch->buffer == nullptr) return base::Errno{ENOMEM};
    auto thread = base::start_thread(
        "spiller", [self = spiller.get(), batch] { self->run(std::move(*batch)); });
    if (!thread) return thread.error();
    spiller->threads_.push_back(*std::move(thread));
  }
  return spiller;
}

Spiller::~Spiller() {
  budget_.stop();
  for (std::thread& thread : threads_) thread.join();
}

void Spiller::run(Batch batch) {
  auto pause = kShortestPause;
  while (const auto wanted = budget_.wait_for_work()) {
    if (round(batch, *wanted)) {
      pause = kShortestPause;
      continue;
    }
    budget_.pause(pause);
    pause = std::min(2 * pause, kLongestPause);
  }
}

bool Spiller::round(Batch& batch, std::uint64_t wanted) {
  const std::uint64_t generation = budget_.generation();
  batch.leaving.clear();
  // Asks for a little more than is needed now, so that writes are large and takers do not wake this
  // thread for each block.
  const std::uint64_t ample = wanted + std::min(kBatchBytes, budget_.marks().budget / 16);
  const Blocks::Choice choice = choose(wanted, ample, batch);
  const Outcome outcome = write(batch);
  const bool fine = outcome.written > 0 && !outcome.error;
  budget_.left(choice.leaving, choice.evicted + outcome.evicted > 0, fine);
  if (outcome.error) {
    report(*outcome.error);
    budget_.block(told_as(*outcome.error), generation);
  } else if (fine) {
    report_success();
  } else if (choice.no_slot && choice.leaving == 0) {
    budget_.block_full(generation);
  }
  // A block that was read meanwhile stays, but is clean: that is progress, too.
  return choice.evicted > 0 || outcome.written > 0;
}

// One thread at a time, so that blocks that became cold together are written together, not half by
// each thread.
Blocks::Choice Spiller::choose(std::uint64_t wanted, std::uint64_t ample, Batch& batch) {
  const bool writes = may_write();
  base::Lock lock(choosing_);
  return blocks_.choose(wanted, ample, writes, kBatchBytes, batch.leaving);
}

// Encrypts the chosen blocks into the buffer. Nothing here may throw while chosen blocks wait to be
// written or to stay, so the lists have their memory from the start.
void Spiller::seal_all(Batch& batch) {
  batch.order.clear();
  batch.sealed.clear();
  // Slots of one size go side by side, so that one write covers them.
  for (Leaving& leaving : batch.leaving) batch.order.push_back(&leaving);
  std::stable_sort(batch.order.begin(), batch.order.end(), [](const Leaving* a, const Leaving* b) {
    return slot_class_of(a->mask) < slot_class_of(b->mask);
  });
  std::byte* into = batch.buffer.get();
  for (Leaving* leaving : batch.order) {
    const std::size_t pages = count_of(leaving->mask);
    const std::size_t slot = slot_bytes(slot_class_of(leaving->mask));
    if (!blocks_.seal(*leaving, into)) {
      blocks_.not_written(*leaving, false);
      continue;
    }
    // The rest of the slot is written, too, and must not expose old memory.
    std::memset(into + pages * kPageSize, 0, slot - pages * kPageSize);
    batch.sealed.push_back(leaving);
    into += slot;
  }
}

Spiller::Outcome Spiller::write(Batch& batch) {
  Outcome outcome;
  seal_all(batch);
  const std::byte* bytes = batch.buffer.get();
  for (std::span<Leaving* const> rest(batch.sealed); !rest.empty();) {
    const std::size_t slot = slot_bytes(slot_class_of(rest.front()->mask));
    const std::size_t done = write_run(rest, bytes, outcome);
    bytes += done * slot;
    rest = rest.subspan(done);
  }
  return outcome;
}

// Returns nullopt if memory is lacking.
std::optional<SlotRun> Spiller::allocate(SlotClass size, std::uint32_t wanted) {
  std::optional<SlotRun> run;
  memory_.survives([&] { run = slots_.allocate(size, wanted); });
  return run;
}

// Writes as many of the first entries as get neighbouring slots of one size; returns their number.
std::size_t Spiller::write_run(std::span<Leaving* const> sealed, const std::byte* bytes,
                               Outcome& outcome) {
  const SlotClass size = slot_class_of(sealed.front()->mask);
  std::size_t same = 1;
  while (same < sealed.size() && slot_class_of(sealed[same]->mask) == size) ++same;
  const auto allocated = allocate(size, static_cast<std::uint32_t>(same));
  if (!allocated || allocated->count == 0) {
    if (allocated) outcome.error = base::Errno{ENOSPC};
    for (Leaving* leaving : sealed.first(same)) blocks_.not_written(*leaving, false);
    return same;
  }
  const SlotRun run = *allocated;
  const auto result = slots_.write(size, run.first, {bytes, run.count * slot_bytes(size)});
  if (!result) outcome.error = result.error();
  for (std::uint32_t i = 0; i < run.count; ++i) {
    sealed[i]->slot = run.first + i;
    if (result) {
      outcome.evicted += blocks_.written(*sealed[i]);
      ++outcome.written;
    } else {
      blocks_.not_written(*sealed[i], true);
    }
  }
  return run.count;
}

bool Spiller::may_write() {
  base::Lock lock(mutex_);
  return backoff_.count() == 0 || Budget::Clock::now() >= retry_at_;
}

void Spiller::report(base::Errno error) {
  errors_.fetch_add(1, std::memory_order_relaxed);
  log::limited(log_, log::Level::error, "spill: write failed: {}; data stays in memory",
               std::strerror(error.value()));
  base::Lock lock(mutex_);
  backoff_ = backoff_.count() == 0 ? kShortestPause : std::min(2 * backoff_, kLongestPause);
  retry_at_ = Budget::Clock::now() + backoff_;
}

void Spiller::report_success() {
  base::Lock lock(mutex_);
  backoff_ = std::chrono::milliseconds{0};
}

}  // namespace scratchfs::store

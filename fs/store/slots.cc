#include "fs/store/slots.h"

#include <cstring>

#include "fs/base/log.h"

namespace scratchfs::store {
namespace {

constexpr std::uint64_t kReserveStep = 64 << 20;  // maximum; less while the file is small
// Maximum per call, because these slots cannot be reused meanwhile.
constexpr std::uint32_t kPunchSlots = 4096;

}  // namespace

base::Result<std::unique_ptr<Slots>> Slots::create(base::OsDirectory& directory,
                                                   std::uint64_t limit, Notices notices) {
  std::unique_ptr<Slots> slots(new Slots(limit, std::move(notices)));
  for (SpillFile& file : slots->files_) {
    auto made = directory.create_hidden();
    if (!made) return made.error();
    file.file = *std::move(made);
  }
  return slots;
}

bool Slots::reserve(SlotClass size) { return count_in(slot_bytes(size)); }

void Slots::unreserve(SlotClass size) { count_out(slot_bytes(size)); }

bool Slots::resize_reserved(SlotClass from, SlotClass to) {
  if (from < to) return count_in(slot_bytes(to) - slot_bytes(from));
  if (from > to) count_out(slot_bytes(from) - slot_bytes(to));
  return true;
}

bool Slots::count_in(std::uint64_t bytes) {
  std::uint64_t now = in_use_.load();
  do {
    if (now + bytes > limit_.load()) {
      // Set the flag, then check again: a slot that is freed in between is either seen here or
      // announced by count_out().
      was_full_.store(true);
      now = in_use_.load();
      if (now + bytes > limit_.load()) return false;
    }
  } while (!in_use_.compare_exchange_weak(now, now + bytes));
  return true;
}

void Slots::count_out(std::uint64_t bytes) {
  in_use_.fetch_sub(bytes);
  if (was_full_.load() && was_full_.exchange(false)) notices_.room();
}

void Slots::set_limit(std::uint64_t bytes) {
  limit_.store(bytes);
  if (was_full_.exchange(false)) notices_.room();
}

std::uint64_t Slots::room() const {
  const std::uint64_t limit = Slots::limit();
  const std::uint64_t used = in_use();
  return limit > used ? limit - used : 0;
}

SlotRun Slots::allocate(SlotClass size, std::uint32_t wanted) {
  SpillFile& file = files_[size];
  base::Lock lock(file.mutex);
  while (file.cutting) file.cut.wait(file.mutex);
  return file.map.take(wanted);
}

void Slots::free(SlotClass size, std::uint32_t slot) {
  SpillFile& file = files_[size];
  {
    base::Lock lock(file.mutex);
    file.map.free(slot);
  }
  unreserve(size);
  if (!stale_told_.load(std::memory_order_relaxed) && !stale_told_.exchange(true)) notices_.stale();
}

base::Result<void> Slots::write(SlotClass size, std::uint32_t first,
                                std::span<const std::byte> bytes) {
  const std::uint64_t offset = first * slot_bytes(size);
  preallocate(files_[size], offset + bytes.size());
  return files_[size].file->write_all(bytes, offset);
}

// Extends the file ahead of a write. A write that extends a file excludes all others (ext4 locks
// the inode for it), so the file grows in large steps; if reserving fails, it grows write by write.
// Never reserves space below the reserved end, because that would fill the file's holes again.
void Slots::preallocate(SpillFile& file, std::uint64_t end) {
  base::Lock lock(file.mutex);
  if (end <= file.preallocated || !file.can_preallocate || file.preallocating || file.cutting)
    return;
  const std::uint64_t wanted = std::min(end + std::min(end, kReserveStep), std::max(end, limit()));
  file.preallocating = true;
  const std::uint64_t from = file.preallocated;
  lock.unlock();
  const auto reserved = file.file->reserve(from, wanted - from);
  lock.lock();
  file.preallocating = false;
  if (reserved) file.preallocated = wanted;
  file.can_preallocate = static_cast<bool>(reserved);
}

base::Result<void> Slots::read(SlotClass size, std::uint32_t slot, std::span<std::byte> bytes) {
  return files_[size].file->read_exactly(bytes, slot * slot_bytes(size));
}

void Slots::give_back() {
  stale_told_.store(false);
  for (SlotClass size = 0; size < kSlotClasses; ++size) {
    cut_tail(files_[size], size);
    punch_holes(files_[size], size);
  }
}

void Slots::cut_tail(SpillFile& file, SlotClass size) {
  base::Lock lock(file.mutex);
  const std::uint32_t length = file.map.needed_length();
  const bool shorter = length < file.map.length() || length * slot_bytes(size) < file.preallocated;
  if (!shorter || file.preallocating) return;
  file.cutting = true;
  lock.unlock();
  const auto cut = file.file->truncate(length * slot_bytes(size));
  lock.lock();
  // Concurrent frees only enlarge the free tail.
  if (cut) file.map.cut(length);
  if (cut) file.preallocated = length * slot_bytes(size);
  file.can_preallocate = true;
  file.cutting = false;
  file.cut.notify_all();
}

void Slots::punch_holes(SpillFile& file, SlotClass size) {
  base::Lock lock(file.mutex);
  for (std::uint32_t from = 0; file.can_punch;) {
    const SlotRun run = file.map.take_stale(from, kPunchSlots);
    if (run.count == 0) return;
    from = run.first + run.count;
    lock.unlock();
    const auto punched =
        file.file->punch(run.first * slot_bytes(size), run.count * slot_bytes(size));
    lock.lock();
    // Slots whose space cannot be released are free nevertheless, and will be reused or truncated.
    file.map.put_given_back(run);
    if (!punched && punched.is(base::Errno{EOPNOTSUPP})) file.can_punch = false;
    if (punched || !file.can_punch) continue;
    log::limited(log_, log::Level::warn, "spill: cannot release disk space: {}",
                 std::strerror(punched.error().value()));
  }
}

std::uint64_t Slots::file_bytes() const {
  std::uint64_t bytes = 0;
  for (SlotClass size = 0; size < kSlotClasses; ++size) {
    base::Lock lock(files_[size].mutex);
    bytes += files_[size].map.length() * slot_bytes(size);
  }
  return bytes;
}

}  // namespace scratchfs::store

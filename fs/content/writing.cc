// write(2).
//
// With Wait::no, a write is one batch: it gathers everything that it needs first, and if it would
// have to wait for any of it, it writes nothing. A write that may wait proceeds piece by piece (a
// piece lies in one block); if its `wait` ends, the pieces written so far count.
#include "fs/content/content.h"

namespace scratchfs::content {

using base::Result;
using base::Wait;

namespace {

constexpr std::size_t kAllPieces = SIZE_MAX;

bool is_full(base::Errno error) {
  return error == base::Errno(EDQUOT) || error == base::Errno(ENOSPC);
}

}  // namespace

Result<std::size_t> Content::write(std::span<const std::byte> from, std::uint64_t offset,
                                   Wait wait) {
  if (from.empty()) return std::size_t{0};
  if (offset >= kMaxSize) return base::Errno(EFBIG);
  from = from.first(std::min<std::uint64_t>(from.size(), kMaxSize - offset));

  std::size_t done = 0;
  const auto result = in_passes(wait, [&](Acquired& acquired, Missing& missing) {
    base::Lock lock(mutex_);
    return write_on(from, offset, done, wait, acquired, missing);
  });
  if (done == 0 && !result) return result.error();
  return done;
}

Result<void> Content::write_on(std::span<const std::byte> from, std::uint64_t offset,
                               std::size_t& done, Wait wait, Acquired& acquired, Missing& missing) {
  const std::size_t most_pieces = wait == Wait::no ? kAllPieces : 1;
  do {
    const auto written =
        write_batch(from.subspan(done), offset + done, most_pieces, acquired, missing);
    if (!written) return written.error();
    done += *written;
  } while (wait != Wait::no && done < from.size());
  return {};
}

Result<std::size_t> Content::write_batch(std::span<const std::byte> from, std::uint64_t offset,
                                         std::size_t most_pieces, Acquired& acquired,
                                         Missing& missing) {
  const bool small = blocks_.empty() && offset < kSmallMost;
  if (small && from.size() <= kSmallMost - offset) {
    auto written = write_small(from, offset);
    // Memory is short. A page can be spilled, small bytes cannot.
    if (!written.is(base::Errno(ENOSPC))) return written;
  }
  auto written = write_pages(from, offset, most_pieces, acquired, missing);
  if (small && blocks_.empty() && !written && is_full(written.error())) {
    // No page fits, but a part of one may.
    return write_small(from.first(std::min<std::size_t>(from.size(), kSmallMost - offset)), offset);
  }
  return written;
}

Result<std::size_t> Content::write_small(std::span<const std::byte> from, std::uint64_t offset) {
  const std::size_t end = offset + from.size();
  const std::size_t old_room = small_.room();
  if (small_room(end) > old_room) {
    ChargeReservation reservation(charge_);
    const std::size_t units = (small_room(end) - old_room) / kSmallUnit;
    const std::size_t more = reservation.raise_to_most(units, kSmallUnit) * kSmallUnit;
    if (old_room + more <= offset) return base::Errno(EDQUOT);
    small_.set_room(old_room + more);  // first, because it may throw bad_alloc
    if (auto counted = store_.add_small(more); !counted) {
      small_.set_room(old_room);
      return counted.error();
    }
    reservation.spend(more);
    note_allocated();
  }
  const std::size_t count = std::min(from.size(), small_.room() - offset);
  std::copy_n(from.begin(), count, small_.bytes().begin() + static_cast<std::ptrdiff_t>(offset));
  set_size(std::max(size(), offset + count));
  return count;
}

Result<std::size_t> Content::write_pages(std::span<const std::byte> from, std::uint64_t offset,
                                         std::size_t most_pieces, Acquired& acquired,
                                         Missing& missing) {
  if (auto converted = become_blocks(acquired, missing); !converted) return converted.error();
  ChargeReservation reservation(charge_);
  std::vector<Ready> batch;
  std::size_t gathered = 0;
  while (gathered < from.size() && batch.size() < most_pieces) {
    const Piece piece = first_piece(offset + gathered, from.size() - gathered);
    auto ready = gather(piece, Fill::bytes, reservation, acquired, missing);
    if (ready.is(base::kWouldBlock)) return base::kWouldBlock;
    if (!ready && batch.empty()) return ready.error();
    if (!ready) break;
    const bool cut = ready->piece.size() < piece.size();
    gathered += ready->piece.size();
    batch.push_back(std::move(*ready));
    if (cut) break;
  }
  const std::byte* data = from.data();
  for (Ready& ready : batch) {
    const std::size_t size = ready.piece.size();
    commit(std::move(ready), data);
    data += size;
  }
  set_size(std::max(size(), offset + gathered));
  return gathered;
}

}  // namespace scratchfs::content

// The bytes of one regular file: sparse, in blocks of the store, charged to the file's owner.
//
// Bytes are in one of two places: in `small_` (the first up to 2 KiB of a file without blocks) or
// in `blocks_`. All other bytes below the size are holes.
//
// Every operation runs in passes. A pass holds the content's lock; if it needs something that it
// would have to wait for, it records this in a Missing and returns kWouldBlock. With Wait::no, that
// is the result. Otherwise the thread waits without the lock, and the next pass checks everything
// again.
#pragma once

#include <atomic>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <optional>
#include <span>
#include <vector>

#include "fs/base/mutex.h"
#include "fs/base/result.h"
#include "fs/content/block_map.h"
#include "fs/content/charge_reservation.h"
#include "fs/content/ranges.h"
#include "fs/content/small_bytes.h"
#include "fs/content/waiting.h"
#include "fs/quota/ledger.h"
#include "fs/store/store.h"

namespace scratchfs::content {

// The maximum size of a file: 2^63 - 1 (FUSE's s_maxbytes).
inline constexpr std::uint64_t kMaxSize = 0x7fff'ffff'ffff'ffff;

class Discarded;

// A handler does not do more work than this at once, even where nothing has to be waited for.
inline constexpr std::uint64_t kMostAtOnce = 1 << 20;  // bytes
// A handler leaves larger frees to other threads, because freeing takes about 10 ms per GiB.
inline constexpr std::uint64_t kMostFreedAtOnce = 64 << 20;  // bytes

// Thread-safe. Takes its own lock and never holds it across disk I/O. The caller holds no lock that
// a handler needs.
//
// With Wait::no, no call waits for the disk or for memory; kWouldBlock means "repeat the call on a
// thread that may wait". Calls are idempotent: one that returned kWouldBlock may have done part of
// its work, and repeating it completes the work. If `wait` ends first, a call returns its error, or
// a short count if part of the work is done; a range that was being freed or cleared may be so in
// part.
class Content {
 public:
  // Neither argument is owned; both must outlive the content. Pages are charged when they are
  // created, and the charge is returned when they are freed.
  Content(store::Store& store, quota::Charge& charge)
      : store_(store), charge_(charge), blocks_(store) {}
  ~Content();  // frees everything at once

  // Returns the size in bytes (st_size).
  std::uint64_t size() const { return size_.load(std::memory_order_acquire); }
  // Returns the bytes charged: a multiple of 512 (st_blocks * 512).
  std::uint64_t allocated() const { return allocated_.load(std::memory_order_acquire); }
  // Returns the allocated bytes that are only on disk. Examines every block, a batch at a time; not
  // for a handler.
  std::uint64_t spilled() const EXCLUDES(mutex_);

  // read(2): a short count only at the end of the file. EIO: a spilled block could not be read
  // back.
  base::Result<std::size_t> read(std::span<std::byte> into, std::uint64_t offset, base::Wait wait)
      EXCLUDES(mutex_);
  // write(2): a short count if only a part fits. EDQUOT, ENOSPC, EIO: not even one byte does.
  // EFBIG: beyond kMaxSize. An empty write changes nothing.
  base::Result<std::size_t> write(std::span<const std::byte> from, std::uint64_t offset,
                                  base::Wait wait) EXCLUDES(mutex_);

  // ftruncate(2): growing makes a hole, shrinking frees. EFBIG. Shrinking may wait if it cuts a
  // spilled page, or if more than kMostFreedAtOnce was allocated.
  base::Result<void> truncate(std::uint64_t size, base::Wait wait) EXCLUDES(mutex_);
  // fallocate(2), mode 0 or FALLOC_FL_KEEP_SIZE: afterwards every byte of the range has a page. On
  // failure (EDQUOT, ENOSPC, ENOMEM) the pages that this call made become holes again, except those
  // that were written meanwhile, or if `wait` has ended or memory is lacking for this. A range that
  // cannot fit fails before any page is made.
  base::Result<void> allocate(std::uint64_t offset, std::uint64_t length, bool keep_size,
                              base::Wait wait) EXCLUDES(mutex_);
  // Removes all blocks and the charge at once; the content is empty afterwards. Never waits.
  Discarded discard() EXCLUDES(mutex_);
  // FALLOC_FL_PUNCH_HOLE|KEEP_SIZE: turns whole pages into holes, and zeros partial pages.
  base::Result<void> punch(std::uint64_t offset, std::uint64_t length, base::Wait wait)
      EXCLUDES(mutex_);
  // FALLOC_FL_ZERO_RANGE, with or without KEEP_SIZE: allocates the range and zeros it.
  base::Result<void> zero(std::uint64_t offset, std::uint64_t length, bool keep_size,
                          base::Wait wait) EXCLUDES(mutex_);

  // lseek(2) with SEEK_DATA and SEEK_HOLE; ENXIO as there. Works in whole pages. As on tmpfs, a
  // page that is allocated but was never written is a hole.
  base::Result<std::uint64_t> seek_data(std::uint64_t offset) const EXCLUDES(mutex_);
  base::Result<std::uint64_t> seek_hole(std::uint64_t offset) const EXCLUDES(mutex_);
  // Returns whether any page of the range is a hole, up to the end of the file.
  bool has_hole(std::uint64_t offset, std::uint64_t length) const EXCLUDES(mutex_);

  // copy_file_range(2) between two contents or within one (EINVAL if the ranges overlap). Short at
  // the end of the source.
  static base::Result<std::size_t> copy(Content& source, std::uint64_t source_offset,
                                        Content& target, std::uint64_t target_offset,
                                        std::size_t length, base::Wait wait);

 private:
  // What a piece is filled with: bytes of the caller, or just pages where there are none.
  enum class Fill : bool { bytes, holes };
  // Everything that filling one piece needs, so that commit() cannot fail.
  struct Ready {
    Piece piece;
    ChargeReservation charged;  // for the pages to be made
    PageMask made = 0;          // the pages to be made
    store::FrameGrant grant{};  // frames for `made`
    // A new block for the map, if there is none or to replace a spilled one. Pages that the spilled
    // block had get their frames from `again`.
    store::BlockPtr fresh{};
    BlockMap::Room room{};
    store::FrameGrant again{};
    store::Pin pin{};  // of `fresh`, or of the block in the map
    // Why the piece is shorter than requested; also nullopt if the rest may fit later.
    std::optional<base::Errno> cut{};
  };
  // Blocks that were removed under the lock and are freed after it; so it is declared before the
  // lock.
  using Trash = std::vector<BlockMap>;
  enum class Erase : bool { bytes, pages };

  // Calls `pass(acquired, missing)` until it returns something other than kWouldBlock, or
  // (Wait::no) once. Returns ENOMEM if a pass throws bad_alloc; as with any error, what was done
  // before stays done.
  template <typename Pass>
  base::Result<void> in_passes(base::Wait wait, Pass pass) try {
    for (Acquired acquired;;) {
      Missing missing;
      const base::Result<void> result = pass(acquired, missing);
      if (wait == base::Wait::no || !result.is(base::kWouldBlock)) return result;
      assert(missing.block || missing.frames > 0);
      if (auto waited = acquired.wait_for(store_, std::move(missing), wait); !waited)
        return waited.error();
      if (!acquired.refused) wait.progressed(std::chrono::steady_clock::now());
    }
  } catch (const std::bad_alloc&) {
    return base::Errno(ENOMEM);
  }

  // copying.cc
  class Copying;

  // reading.cc
  base::Result<void> read_pass(std::span<std::byte> into, std::uint64_t offset, std::size_t& done,
                               Acquired& acquired, Missing& missing) const REQUIRES_SHARED(mutex_);
  base::Result<void> read_piece(const Piece& piece, std::byte* into, Acquired& acquired,
                                Missing& missing) const REQUIRES_SHARED(mutex_);
  void read_small(std::span<std::byte> into, std::uint64_t offset) const REQUIRES_SHARED(mutex_);
  void read_ahead(std::uint64_t offset, std::uint64_t end) EXCLUDES(mutex_);

  // writing.cc
  base::Result<void> write_on(std::span<const std::byte> from, std::uint64_t offset,
                              std::size_t& done, base::Wait wait, Acquired& acquired,
                              Missing& missing) REQUIRES(mutex_);
  base::Result<std::size_t> write_batch(std::span<const std::byte> from, std::uint64_t offset,
                                        std::size_t most_pieces, Acquired& acquired,
                                        Missing& missing) REQUIRES(mutex_);
  base::Result<std::size_t> write_small(std::span<const std::byte> from, std::uint64_t offset)
      REQUIRES(mutex_);
  base::Result<std::size_t> write_pages(std::span<const std::byte> from, std::uint64_t offset,
                                        std::size_t most_pieces, Acquired& acquired,
                                        Missing& missing) REQUIRES(mutex_);

  // filling.cc
  base::Result<void> become_blocks(Acquired& acquired, Missing& missing) REQUIRES(mutex_);
  // Collects what filling `piece` needs. Spends `reservation` before the charge grows. Shortens the
  // piece if only a part fits.
  base::Result<Ready> gather(const Piece& piece, Fill fill, ChargeReservation& reservation,
                             Acquired& acquired, Missing& missing) REQUIRES(mutex_);
  base::Result<store::FrameGrant> take_frames(unsigned count, Acquired& acquired);
  base::Result<void> pin_for_filling(Ready& ready, Fill fill, Acquired& acquired, Missing& missing)
      REQUIRES(mutex_);
  bool replace_spilled(Ready& ready, PageMask existing) REQUIRES(mutex_);
  // Copies the bytes of the piece from `data`, or (nullptr) only makes the missing pages.
  void commit(Ready ready, const std::byte* data) REQUIRES(mutex_);

  // shaping.cc
  // Zeros the existing pages in the range, without making or freeing any.
  base::Result<void> clear(std::uint64_t offset, std::uint64_t length, base::Wait wait)
      EXCLUDES(mutex_);
  // Raises the size to at least `size`.
  void extend(std::uint64_t size) EXCLUDES(mutex_);
  base::Result<void> truncate_pass(std::uint64_t size, Acquired& acquired, Missing& missing,
                                   Trash& trash) REQUIRES(mutex_);
  base::Result<void> erase(std::uint64_t offset, std::uint64_t length, Erase how, base::Wait wait)
      EXCLUDES(mutex_);
  bool takes_long(Erase how, std::uint64_t offset, std::uint64_t end) const REQUIRES_SHARED(mutex_);
  base::Result<void> erase_pass(std::uint64_t& cursor, std::uint64_t end, Erase how,
                                Acquired& acquired, Missing& missing, Trash& trash)
      REQUIRES(mutex_);
  void erase_small(std::uint64_t begin, std::uint64_t end, Erase how) REQUIRES(mutex_);
  // Turns the pages of `dropped` into holes, and zeros the bytes of the piece in the pages of
  // `wiped`.
  base::Result<void> erase_in_block(const Piece& piece, PageMask dropped, PageMask wiped,
                                    Acquired& acquired, Missing& missing, Trash& trash)
      REQUIRES(mutex_);
  void note_dropped(std::uint64_t block, PageMask dropped, PageMask written) REQUIRES(mutex_);
  void cut_blocks(std::uint64_t first, std::uint64_t last, Trash& trash) REQUIRES(mutex_);
  void set_small_room(std::size_t room) REQUIRES(mutex_);

  // allocating.cc
  class Allocation;
  Turn& turn() EXCLUDES(mutex_);
  // Raises `reservation` to the cost of the missing pages of [begin, end). EDQUOT, ENOSPC: they
  // cannot all fit.
  base::Result<void> charge_missing(std::uint64_t begin, std::uint64_t end,
                                    ChargeReservation& reservation) REQUIRES(mutex_);
  base::Result<void> allocate_at_once(std::uint64_t begin, std::uint64_t end) EXCLUDES(mutex_);
  base::Result<void> allocate_waiting(std::uint64_t begin, std::uint64_t end, base::Wait wait)
      EXCLUDES(mutex_);
  // Makes `pages` of a block without frames, charged to `reservation`. Returns false if they need
  // frames.
  bool make_blank(std::uint64_t block, PageMask pages, ChargeReservation& reservation)
      REQUIRES(mutex_);

  void set_size(std::uint64_t size) REQUIRES(mutex_) {
    size_.store(size, std::memory_order_release);
  }
  // Call after every change of blocks_ or small_.
  void note_allocated() REQUIRES(mutex_) {
    allocated_.store(blocks_.pages() * kPageSize + small_.room(), std::memory_order_release);
  }

  store::Store& store_;
  quota::Charge& charge_;

  mutable base::SharedMutex mutex_{base::Rank::content};
  BlockMap blocks_ GUARDED_BY(mutex_);  // empty unless small_ is
  SmallBytes small_ GUARDED_BY(mutex_);
  // Serializes allocations that wait; made for the first of them.
  std::unique_ptr<Turn> turn_ GUARDED_BY(mutex_);
  bool allocating_ GUARDED_BY(mutex_) = false;  // one has the turn: others wait
  // Hints: the end of the last sequential read, and of the read-ahead.
  std::atomic<std::uint64_t> read_to_{1ULL << 63};  // no read yet
  std::atomic<std::uint64_t> ahead_to_{0};
  // Written under the lock, read without it.
  std::atomic<std::uint64_t> size_{0};
  std::atomic<std::uint64_t> allocated_{0};
};

}  // namespace scratchfs::content

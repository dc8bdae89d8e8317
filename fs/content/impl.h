// The implementation of Content. Its operations are in reading.cc, writing.cc, shaping.cc,
// allocating.cc, seeking.cc and copying.cc; filling.cc makes pages for them.
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
#include <new>
#include <vector>

#include "fs/base/mutex.h"
#include "fs/content/block_map.h"
#include "fs/content/charge_reservation.h"
#include "fs/content/content.h"
#include "fs/content/discarded.h"
#include "fs/content/ranges.h"
#include "fs/content/small_bytes.h"
#include "fs/content/waiting.h"

namespace scratchfs::content {

// A handler does not do more work than this at once, even where nothing has to be waited for.
inline constexpr std::uint64_t kMostAtOnce = 1 << 20;  // bytes

class Content::Impl {
 public:
  Impl(store::Store& store, quota::Charge& charge)
      : store_(store), charge_(charge), blocks_(store) {}
  ~Impl();

  std::uint64_t size() const { return size_.load(std::memory_order_acquire); }
  std::uint64_t allocated() const { return allocated_.load(std::memory_order_acquire); }
  std::uint64_t spilled() const EXCLUDES(mutex_);

  base::Result<std::size_t> read(std::span<std::byte> into, std::uint64_t offset, base::Wait wait)
      EXCLUDES(mutex_);
  base::Result<std::size_t> write(std::span<const std::byte> from, std::uint64_t offset,
                                  base::Wait wait) EXCLUDES(mutex_);
  base::Result<Appended> append(std::span<const std::byte> from, base::Wait wait) EXCLUDES(mutex_);

  base::Result<void> truncate(std::uint64_t size, base::Wait wait) EXCLUDES(mutex_);
  Discarded discard() EXCLUDES(mutex_);
  base::Result<void> allocate(std::uint64_t offset, std::uint64_t length, bool keep_size,
                              base::Wait wait) EXCLUDES(mutex_);
  base::Result<void> punch(std::uint64_t offset, std::uint64_t length, base::Wait wait)
      EXCLUDES(mutex_);
  base::Result<void> zero(std::uint64_t offset, std::uint64_t length, bool keep_size,
                          base::Wait wait) EXCLUDES(mutex_);
  // Zeros the existing pages in the range, without making or freeing any.
  base::Result<void> clear(std::uint64_t offset, std::uint64_t length, base::Wait wait)
      EXCLUDES(mutex_);
  // Raises the size to at least `size`.
  void extend(std::uint64_t size) EXCLUDES(mutex_);

  base::Result<std::uint64_t> seek_data(std::uint64_t offset) const EXCLUDES(mutex_);
  base::Result<std::uint64_t> seek_hole(std::uint64_t offset) const EXCLUDES(mutex_);
  bool has_hole(std::uint64_t offset, std::uint64_t length) const EXCLUDES(mutex_);

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
  Turn& turn() EXCLUDES(mutex_);
  base::Result<Appended> append_waiting(std::span<const std::byte> from, base::Wait wait)
      EXCLUDES(mutex_);

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
  // Serializes appends and allocations that wait; made for the first of them.
  std::unique_ptr<Turn> turn_ GUARDED_BY(mutex_);
  // An append, or an allocation, has the turn: others of its kind wait.
  bool appending_ GUARDED_BY(mutex_) = false;
  bool allocating_ GUARDED_BY(mutex_) = false;
  // Hints: the end of the last sequential read, and of the read-ahead.
  std::atomic<std::uint64_t> read_to_{1ULL << 63};  // no read yet
  std::atomic<std::uint64_t> ahead_to_{0};
  // Written under the lock, read without it.
  std::atomic<std::uint64_t> size_{0};
  std::atomic<std::uint64_t> allocated_{0};
};

}  // namespace scratchfs::content

// fallocate(2): makes the missing pages of a range, all of them or none.
//
// Before the first page is made, the whole range is charged and compared with what the store can
// still take, so an allocation that cannot fit fails without filling the memory first. Unwritten
// pages only have disk space reserved for them; if there is none, they get frames.
//
// An allocation that fails removes those of its pages that are still unwritten. Allocations take
// turns, so none can have relied on pages that another one removes.
#include <algorithm>
#include <bit>

#include "fs/content/content.h"

namespace scratchfs::content {

using base::Result;
using base::Wait;

// An allocation that may wait, block by block.
class Content::Allocation {
  // The pages that an allocation has made, in order. Runs of blocks with the same pages take one
  // entry.
  class MadePages {
   public:
    void add(std::uint64_t block, PageMask pages) {
      if (!runs_.empty() && runs_.back().end == block && runs_.back().pages == pages) {
        ++runs_.back().end;
      } else {
        runs_.push_back({block, block + 1, pages});
      }
    }
    struct Made {
      std::uint64_t block;
      PageMask pages;
    };
    // Returns the last remaining block; nullopt: none.
    std::optional<Made> last() const {
      if (runs_.empty()) return std::nullopt;
      return Made{runs_.back().end - 1, runs_.back().pages};
    }
    void remove_last() {
      if (--runs_.back().end == runs_.back().begin) runs_.pop_back();
    }

   private:
    struct Run {
      std::uint64_t begin, end;  // blocks
      PageMask pages;
    };
    std::vector<Run> runs_;
  };

 public:
  Allocation(Content& content, std::uint64_t begin, std::uint64_t end, Wait wait)
      : content_(content),
        begin_(begin),
        cursor_(begin),
        end_(end),
        wait_(wait),
        reservation_(content.charge_) {}

  Result<void> run() {
    if (auto begun = begin(); !begun) return begun.error();
    const auto made =
        content_.in_passes(wait_, [&](Acquired& acquired, Missing& missing) -> Result<void> {
          while (cursor_ < end_) {
            // Released after each block, so that readers need not wait for the whole.
            base::Lock lock(content_.mutex_);
            if (auto step = make_block(acquired, missing); !step) return step.error();
          }
          return {};
        });
    if (!made) undo();
    return made;
  }

 private:
  // Ensures that the whole range can fit. Converts small bytes to a page, which does not count as
  // made by this call.
  Result<void> begin() {
    return content_.in_passes(wait_, [&](Acquired& acquired, Missing& missing) -> Result<void> {
      base::Lock lock(content_.mutex_);
      if (auto fits = content_.charge_missing(begin_, end_, reservation_); !fits)
        return fits.error();
      return content_.become_blocks(acquired, missing);
    });
  }

  Result<void> make_block(Acquired& acquired, Missing& missing) REQUIRES(content_.mutex_) {
    const Piece piece = first_piece(cursor_, end_ - cursor_);
    const store::Block* const block = content_.blocks_.find(piece.block);
    const PageMask existing = block == nullptr ? PageMask{0} : store::Store::pages(*block);
    const PageMask absent = without(touched(piece), existing);
    if (absent != 0) {
      made_.add(piece.block, absent);  // first, because it may throw bad_alloc
      if (!content_.make_blank(piece.block, absent, reservation_)) {
        made_.remove_last();
        return make_with_frames(piece, acquired, missing);
      }
    }
    cursor_ += piece.size();
    return {};
  }

  Result<void> make_with_frames(const Piece& piece, Acquired& acquired, Missing& missing)
      REQUIRES(content_.mutex_) {
    auto ready = content_.gather(piece, Fill::holes, reservation_, acquired, missing);
    if (!ready) return ready.error();
    const PageMask made = ready->made;
    const std::size_t size = ready->piece.size();
    const std::optional<base::Errno> cut = ready->cut;
    made_.add(piece.block, made);  // first, because it may throw bad_alloc
    content_.commit(std::move(*ready), nullptr);
    cursor_ += size;
    if (cut) return *cut;
    return {};
  }

  // Removes the pages made so far, except those that were written meanwhile or that would have to
  // be fetched in vain.
  void undo() {
    Trash trash;
    for (; made_.last(); made_.remove_last()) {
      const auto pass = [&](Acquired& acquired, Missing& missing) {
        return undo_last(acquired, missing, trash);
      };
      static_cast<void>(content_.in_passes(wait_, pass));
    }
  }

  Result<void> undo_last(Acquired& acquired, Missing& missing, Trash& trash) {
    const auto [index, pages] = *made_.last();
    base::Lock lock(content_.mutex_);
    const store::Block* const block = content_.blocks_.find(index);
    if (block == nullptr) return {};
    const PageMask unwritten = without(pages, store::Store::written(*block));
    return content_.erase_in_block({index, 0, kBlockSize}, unwritten, 0, acquired, missing, trash);
  }

  Content& content_;
  const std::uint64_t begin_;
  std::uint64_t cursor_;
  const std::uint64_t end_;
  const Wait wait_;
  ChargeReservation reservation_;
  MadePages made_;
};

Result<void> Content::allocate(std::uint64_t offset, std::uint64_t length, bool keep_size,
                               Wait wait) {
  if (length == 0) return base::Errno(EINVAL);
  if (offset > kMaxSize || length > kMaxSize - offset) return base::Errno(EFBIG);
  const std::uint64_t end = offset + length;
  const auto allocated =
      wait == Wait::no ? allocate_at_once(offset, end) : allocate_waiting(offset, end, wait);
  if (!allocated) return allocated.error();
  if (!keep_size) extend(end);
  return {};
}

Turn& Content::turn() {
  base::Lock lock(mutex_);
  if (!turn_) turn_ = std::make_unique<Turn>();
  return *turn_;
}

Result<void> Content::allocate_waiting(std::uint64_t begin, std::uint64_t end, Wait wait) {
  Turn& turn = Content::turn();
  if (auto taken = turn.take(wait); !taken) return taken.error();
  const auto set_allocating = [this](bool on) {
    base::Lock lock(mutex_);
    allocating_ = on;
  };
  set_allocating(true);
  const auto allocated = Allocation(*this, begin, end, wait).run();
  set_allocating(false);
  turn.give();
  return allocated;
}

bool Content::make_blank(std::uint64_t index, PageMask pages, ChargeReservation& reservation) {
  const std::uint64_t bytes = count_of(pages) * kPageSize;
  if (!reservation.raise_to(bytes)) return false;
  if (store::Block* const block = blocks_.find(index)) {
    const PageMask all = store::Store::pages(*block) | pages;
    if (!store_.reshape_blank(*block, all)) return false;
    blocks_.count(index, {std::popcount(pages), 0});
  } else {
    BlockMap::Room room = blocks_.room_for(index);
    store::BlockPtr blank = store_.new_blank(pages);
    if (!blank) return false;
    blocks_.put(index, std::move(blank), std::move(room));
  }
  reservation.spend(bytes);
  note_allocated();
  return true;
}

Result<void> Content::charge_missing(std::uint64_t begin, std::uint64_t end,
                                     ChargeReservation& reservation) {
  const PageSpan span = pages_touched(begin, end);
  std::uint64_t absent = span.size() - blocks_.pages_in(span);
  if (small_.room() > 0 && span.first == 0) --absent;
  const std::uint64_t bytes = absent * kPageSize;
  if (auto raised = reservation.raise_to(bytes); !raised) return raised.error();
  if (bytes > store_.free_bytes()) return base::Errno(ENOSPC);
  return {};
}

Result<void> Content::allocate_at_once(std::uint64_t begin, std::uint64_t end) {
  Acquired acquired;
  Missing missing;
  ChargeReservation reservation(charge_);
  base::Lock lock(mutex_);
  if (allocating_) return base::kWouldBlock;
  if (auto fits = charge_missing(begin, end, reservation); !fits) return fits.error();
  if (reservation.bytes() > kMostAtOnce) return base::kWouldBlock;
  if (auto converted = become_blocks(acquired, missing); !converted) return converted.error();

  std::vector<Ready> batch;
  for (std::uint64_t at = begin; at < end;) {
    const Piece piece = first_piece(at, end - at);
    at += piece.size();
    const store::Block* const block = blocks_.find(piece.block);
    if (block != nullptr && without(touched(piece), store::Store::pages(*block)) == 0) continue;
    auto ready = gather(piece, Fill::holes, reservation, acquired, missing);
    if (!ready) return ready.error();
    if (ready->cut) return *ready->cut;
    batch.push_back(std::move(*ready));
  }
  for (Ready& ready : batch) commit(std::move(ready), nullptr);
  return {};
}

Result<void> Content::zero(std::uint64_t offset, std::uint64_t length, bool keep_size, Wait wait) {
  if (auto made = allocate(offset, length, true, wait); !made) return made.error();
  if (auto cleared = clear(offset, length, wait); !cleared) return cleared.error();
  if (!keep_size) extend(offset + length);
  return {};
}

}  // namespace scratchfs::content

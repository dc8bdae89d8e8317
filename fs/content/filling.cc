// Fills pages: gathers everything that can fail, then commits.
#include <cstring>

#include "fs/content/content.h"

namespace scratchfs::content {

using base::Result;

Result<void> Content::become_blocks(Acquired& acquired, Missing& missing) {
  const std::size_t room = small_.room();
  if (room == 0) return {};
  ChargeReservation reservation(charge_);
  if (auto raised = reservation.raise_to(kPageSize - room); !raised) return raised.error();
  if (acquired.grant.size() == 0) {
    auto taken = take_frames(1, acquired);
    if (taken.is(base::kWouldBlock)) missing.frames = 1;
    if (!taken) return taken.error();
    acquired.grant = std::move(*taken);
  }
  store::BlockPtr block = store_.new_block();
  {
    auto pin = store_.pin(*block, store::Access::write);
    if (!pin) return pin.error();
    std::memcpy(pin->add_page(0, acquired.grant, false), small_.bytes().data(), room);
  }
  blocks_.put(0, std::move(block));
  small_.set_room(0);
  store_.remove_small(room);
  reservation.spend(kPageSize - room);
  note_allocated();
  return {};
}

// Acquires the charge first, then frames, then the block. So a thread may wait for a block with
// frames acquired, but never for frames with a block acquired.
Result<Content::Ready> Content::gather(const Piece& piece, Fill fill,
                                       ChargeReservation& reservation, Acquired& acquired,
                                       Missing& missing) {
  const store::Block* const block = blocks_.find(piece.block);
  const PageMask existing = block == nullptr ? PageMask{0} : store::Store::pages(*block);
  Ready ready{.piece = piece, .charged = ChargeReservation(charge_)};
  ready.made = without(touched(piece), existing);

  const unsigned wanted = count_of(ready.made);
  auto count = static_cast<unsigned>(reservation.raise_to_most(wanted, kPageSize));
  if (count < wanted) ready.cut = base::Errno(EDQUOT);
  if (count > 0) {
    auto taken = take_frames(count, acquired);
    if (taken.is(base::kWouldBlock)) {
      missing.frames = count;
      return base::kWouldBlock;
    }
    if (taken) {
      count = std::min(count, taken->size());
      ready.grant = std::move(*taken);
    } else {
      count = 0;
      ready.cut = taken.error();
    }
  }
  ready.piece = shortened(piece, existing, count);
  if (ready.piece.size() == 0) return *ready.cut;
  ready.made = without(touched(ready.piece), existing);
  ready.charged = reservation.split(count_of(ready.made) * kPageSize);
  if (auto pinned = pin_for_filling(ready, fill, acquired, missing); !pinned) return pinned.error();
  return ready;
}

// Takes `count` frames, or fewer if there are no more. If frames are acquired, returns those,
// whatever their number.
Result<store::FrameGrant> Content::take_frames(unsigned count, Acquired& acquired) {
  if (acquired.grant.size() > 0) return std::move(acquired.grant);
  if (acquired.refused) return *std::exchange(acquired.refused, std::nullopt);
  auto taken = store_.try_take_frames(count);
  while (!taken && !taken.is(base::kWouldBlock) && --count > 0) {
    taken = store_.try_take_frames(count);
  }
  return taken;
}

Result<void> Content::pin_for_filling(Ready& ready, Fill fill, Acquired& acquired,
                                      Missing& missing) {
  store::Block* const block = blocks_.find(ready.piece.block);
  if (block == nullptr) {
    ready.fresh = store_.new_block();
    ready.room = blocks_.room_for(ready.piece.block);
  } else if (acquired.pin && acquired.pin.pins(*block)) {
    ready.pin = std::move(acquired.pin);
    return {};
  }
  auto pinned = store_.pin(block == nullptr ? *ready.fresh : *block, store::Access::write);
  if (pinned) {
    ready.pin = std::move(*pinned);
    return {};
  }
  if (block == nullptr || !pinned.is(base::kWouldBlock)) return pinned.error();
  if (fill == Fill::bytes && replace_spilled(ready, store::Store::pages(*block))) return {};
  missing.block = store_.hold(*block);
  missing.access = store::Access::write;
  acquired.grant = std::move(ready.grant);
  return base::kWouldBlock;
}

// If every page of a spilled block is overwritten completely, replaces the block, which saves
// reading it. Returns false if this does not apply, or if there are no frames for it now.
bool Content::replace_spilled(Ready& ready, PageMask existing) {
  if (without(existing, covered(ready.piece)) != 0) return false;
  auto taken = store_.try_take_frames(count_of(existing));
  if (!taken) return false;
  store::BlockPtr fresh = store_.new_block();
  auto pinned = store_.pin(*fresh, store::Access::write);
  if (!pinned) return false;
  ready.fresh = std::move(fresh);
  ready.pin = std::move(*pinned);
  ready.again = std::move(*taken);
  return true;
}

void Content::commit(Ready ready, const std::byte* data) {
  const Piece& piece = ready.piece;
  const PageMask added = ready.fresh ? touched(piece) : ready.made;
  const store::Block* const block = ready.fresh ? nullptr : blocks_.find(piece.block);
  const unsigned before = block == nullptr ? 0 : count_of(store::Store::written(*block));
  for (std::size_t at = piece.begin; at < piece.end;) {
    const auto page = static_cast<unsigned>(at / kPageSize);
    const PagePart part = part_in_page(piece, page);
    at += part.size();
    std::byte* bytes = nullptr;
    if (has_page(added, page)) {
      const bool will_fill = data != nullptr && part.size() == kPageSize;
      store::FrameGrant& grant = has_page(ready.made, page) ? ready.grant : ready.again;
      bytes = ready.pin.add_page(page, grant, will_fill);
    } else if (data != nullptr) {
      bytes = ready.pin.writable_page(page);
    }
    if (data != nullptr) {
      std::memcpy(bytes + part.begin, data, part.size());
      data += part.size();
    }
  }
  if (data != nullptr) {
    ready.pin.note_written(touched(piece));
  } else {
    ready.pin.note_unwritten(ready.made);
  }
  if (ready.fresh) {
    blocks_.put(piece.block, std::move(ready.fresh), std::move(ready.room));
  } else {
    const unsigned now = count_of(store::Store::written(*block));
    blocks_.count(piece.block, {static_cast<int>(count_of(ready.made)),
                                static_cast<int>(now) - static_cast<int>(before)});
  }
  ready.charged.spend(count_of(ready.made) * kPageSize);
  note_allocated();
}

}  // namespace scratchfs::content

#include "fs/content/waiting.h"

#include <utility>

namespace scratchfs::content {

base::Result<void> Turn::take(base::Wait wait) {
  base::Lock lock(mutex_);
  while (holder_) {
    wait.progressed(given_at_);
    if (const auto* const others = holder_->deadline()) wait.progressed(others->progress());
    if (const auto why = wait.over()) return *why;
    given_.wait(mutex_, wait);
  }
  holder_ = wait;
  return {};
}

void Turn::give() {
  base::Lock lock(mutex_);
  holder_.reset();
  given_at_ = base::CancellableDeadline::Clock::now();
  given_.notify_all();  // one waiter alone may be giving up just now
}

base::Result<store::Pin> Acquired::pin_of(store::Store& store, store::Block& block,
                                          store::Access access, Missing& missing) {
  if (pin && pin.pins(block)) return std::move(pin);
  pin = store::Pin();
  auto pinned = store.pin(block, access);
  if (pinned.is(base::kWouldBlock)) {
    missing.block = store.hold(block);
    missing.access = access;
  }
  return pinned;
}

base::Result<void> Acquired::wait_for(store::Store& store, Missing missing, base::Wait wait) {
  pin = store::Pin();
  if (missing.block) return wait_for_block(store, missing, wait);
  wait_for_frames(store, missing.frames, wait);
  return {};
}

base::Result<void> Acquired::wait_for_block(store::Store& store, const Missing& missing,
                                            base::Wait wait) {
  auto fetched = store.fetch(*missing.block, missing.access, wait);
  if (fetched) {
    pin = std::move(*fetched);
    return {};
  }
  // The owner dropped the block meanwhile: another one, or none, is in its place now.
  if (fetched.is(base::Errno(ECANCELED))) return {};
  return fetched.error();
}

void Acquired::wait_for_frames(store::Store& store, unsigned count, base::Wait wait) {
  grant = store::FrameGrant();
  for (; count > 0; count /= 2) {
    auto taken = store.take_frames(count, wait);
    if (taken) {
      grant = std::move(*taken);
      refused.reset();
      return;
    }
    refused = taken.error();
    if (wait.over()) return;
  }
}

}  // namespace scratchfs::content

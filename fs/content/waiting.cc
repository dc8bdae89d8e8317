#include "fs/content/waiting.h"

#include <utility>

namespace scratchfs::content {

base::Result<void> Hand::wait_for(store::Store& store, Lack lack) {
  pin = store::Pin();
  if (lack.block) return wait_for_block(store, lack);
  wait_for_frames(store, lack.frames);
  return {};
}

base::Result<void> Hand::wait_for_block(store::Store& store, const Lack& lack) {
  auto fetched = store.fetch(*lack.block, lack.access);
  if (fetched) {
    pin = std::move(*fetched);
    return {};
  }
  // Dropped while we waited: there is something else, or nothing, in its place now.
  if (fetched.is(base::Errno(ECANCELED))) return {};
  return fetched.error();
}

void Hand::wait_for_frames(store::Store& store, unsigned count) {
  grant = store::FrameGrant();
  for (; count > 0; count /= 2) {
    auto taken = store.take_frames(count);
    if (taken) {
      grant = std::move(*taken);
      refused.reset();
      return;
    }
    refused = taken.error();
  }
}

}  // namespace scratchfs::content

// What the tree tells the kernel unasked, so that it forgets names that the daemon took away by
// itself; and what it asks of the transport.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "fs/tree/types.h"

namespace scratchfs::tree {

// Called with no lock held; must return at once (the work is done by a thread of its own, because
// the kernel may hold the parent's lock while it waits for one of our handlers). May be called from
// any thread.
class KernelNotices {
 public:
  virtual ~KernelNotices() = default;
  // The name no longer exists. `until_told` is kept until the kernel has been told, and ends on a
  // thread that holds no lock, if the caller has a reference of its own for so long. How many there
  // are is bounded by who makes them, and none is dropped.
  virtual void name_gone(InodeId parent, InodeId child, std::string name,
                         std::shared_ptr<void> until_told) = 0;
  // The name exists, but from now on a close can remove it: it must be asked about each time.
  virtual void name_expired(InodeId parent, std::string name) = 0;
  // For who has many: waits until few are on their way, so that others' do not queue behind them,
  // but no longer than `patience`. The one call that does not return at once.
  virtual void wait_for_room(std::chrono::milliseconds /*patience*/) {}
  // Set-id bits were cleared by a request whose reply carries no attributes: told before that reply
  // is sent, so that nobody who has it sees, or executes, the file with them.
  virtual void mode_changed(InodeId inode) = 0;
};

// What the tree may ask about requests that it has not seen yet.
class Arrivals {
 public:
  virtual ~Arrivals() = default;
  // Whether every request that had been sent when this was called is handled by now, but for those
  // that are known to wait. Found out within about `patience`; false where it cannot be told.
  // Called with no lock held, by a thread that may wait.
  virtual bool all_handled(std::chrono::milliseconds patience) = 0;
  // The same for all that makes the kernel forget an inode, and for its FORGETs.
  virtual bool all_forgotten(std::chrono::milliseconds patience) = 0;
};

}  // namespace scratchfs::tree

// KernelNotices: notifications that the tree sends to the kernel, so that it drops names that the
// daemon has deleted. NoticeChannel: passes them on. RequestBarrier: what the tree asks the
// transport.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "fs/base/mutex.h"
#include "fs/tree/types.h"

namespace scratchfs::tree {

// Called on any thread, with no lock held but that of the NoticeChannel. Calls only queue the
// notification, because the kernel may hold the parent directory's lock while it waits for one of
// our handlers. The exceptions are wait_for_room() and mode_changed().
class KernelNotices {
 public:
  virtual ~KernelNotices() = default;
  // The name no longer exists. `until_told` is kept until the kernel has been notified. It is then
  // released by a thread that holds no lock, provided that the caller keeps a reference of its own
  // during the call. Callers bound how many notifications are pending; none is dropped.
  virtual void name_gone(InodeId parent, InodeId child, std::string name,
                         std::shared_ptr<void> until_told) = 0;
  // The name exists, but from now on a close can delete it: the kernel must look it up each time.
  virtual void name_expired(InodeId parent, std::string name) = 0;
  // Waits until few notifications are pending, but no longer than `timeout`. Called by senders of
  // many, so that those of others do not queue behind them.
  virtual void wait_for_room(std::chrono::milliseconds /*timeout*/) {}
  // A request whose reply carries no attributes has cleared set-id bits. Notifies the kernel before
  // that reply is sent, so that nobody who has received it still sees or executes the file with
  // those bits.
  virtual void mode_changed(InodeId inode) = 0;
};

// Sends notifications to the current receiver, if there is one. Thread-safe.
class NoticeChannel {
 public:
  // Sets the receiver; nullptr: nobody. Returns when no call to the former one is running.
  void set(KernelNotices* receiver) EXCLUDES(mutex_) {
    base::Lock lock(mutex_);
    receiver_ = receiver;
  }
  // Calls `tell(receiver)`.
  template <typename Tell>
  void send(Tell tell) EXCLUDES(mutex_) {
    base::SharedLock lock(mutex_);
    if (receiver_ != nullptr) tell(*receiver_);
  }

 private:
  base::SharedMutex mutex_{base::Rank::notices};  // held during calls to the receiver
  KernelNotices* receiver_ GUARDED_BY(mutex_) = nullptr;
};

// What the tree asks the transport about requests that it has not seen yet.
class RequestBarrier {
 public:
  virtual ~RequestBarrier() = default;
  // Whether every request that was sent before this call has been handled, except those that are
  // known to be waiting. Takes about `timeout` at most; false if the transport cannot tell. Called
  // with no lock held, on a thread that may wait.
  virtual bool all_handled(std::chrono::milliseconds timeout) = 0;
  // The same for all requests that make the kernel forget an inode, and for their FORGETs.
  virtual bool all_forgotten(std::chrono::milliseconds timeout) = 0;
};

}  // namespace scratchfs::tree

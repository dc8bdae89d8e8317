// Looks after sockets that nothing but a process that may have them bound holds any more.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <thread>
#include <unordered_map>

#include "fs/base/log_limiter.h"
#include "fs/base/memory_shortage.h"
#include "fs/base/mutex.h"
#include "fs/lifetime/bound_sockets.h"
#include "fs/tree/inode.h"

namespace scratchfs::tree {

// Nothing tells when a socket is closed, so those in question are asked for again and again, all
// with one question. Its mutex is a leaf.
class SocketWatch {
 public:
  using Unbound = std::function<void(const InodeRef&)>;

  // Calls `unbound` once for each socket that proves to be bound by nobody, on a thread of its own.
  SocketWatch(BoundSockets bound, Unbound unbound);
  ~SocketWatch();
  SocketWatch(const SocketWatch&) = delete;
  SocketWatch& operator=(const SocketWatch&) = delete;

  // From now on the socket is asked for. Quick; any thread.
  void look_after(const InodeRef& socket) EXCLUDES(mutex_);
  // For describing it; asks the kernel. Not for a thread that must not wait.
  bool is_bound(const Inode& socket) const;
  // No call of `unbound` runs after this returns.
  void stop() EXCLUDES(mutex_);

 private:
  void run() EXCLUDES(mutex_);
  void look() EXCLUDES(mutex_);

  const BoundSockets bound_;
  const Unbound unbound_;
  base::Mutex mutex_;
  base::Condition something_to_do_;
  bool fresh_ GUARDED_BY(mutex_) = false;  // one that was never asked for
  bool stopping_ GUARDED_BY(mutex_) = false;
  std::unordered_map<InodeId, std::weak_ptr<Inode>> sockets_ GUARDED_BY(mutex_);
  base::LogLimiter log_{std::chrono::minutes(10)};
  base::MemoryShortage shortage_{"looking which sockets are bound"};
  std::thread thread_;
};

}  // namespace scratchfs::tree

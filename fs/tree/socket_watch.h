// SocketWatch: watches sockets that are held only because a process may have them bound.
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

// The kernel sends no event when a socket is closed, so the thread checks all of them again and
// again, with one query for all. Its mutex is a leaf.
class SocketWatch {
 public:
  using Unbound = std::function<void(const InodeRef&)>;

  // Calls `unbound` once for each socket that no process has bound, on a thread of its own.
  SocketWatch(lifetime::BoundSockets bound, Unbound unbound);
  ~SocketWatch();
  SocketWatch(const SocketWatch&) = delete;
  SocketWatch& operator=(const SocketWatch&) = delete;

  // Starts watching a socket. Fast; any thread may call it.
  void look_after(const InodeRef& socket) EXCLUDES(mutex_);
  // For describe_holders(). Queries the kernel, so it must not run on a thread that must not wait.
  bool is_bound(const Inode& socket) const;
  // Stops the thread. No call of `unbound` runs after this returns.
  void stop() EXCLUDES(mutex_);

 private:
  void run() EXCLUDES(mutex_);
  void look() EXCLUDES(mutex_);

  const lifetime::BoundSockets bound_;
  const Unbound unbound_;
  base::Mutex mutex_;
  base::Condition something_to_do_;
  bool fresh_ GUARDED_BY(mutex_) = false;  // a socket that was never checked
  bool stopping_ GUARDED_BY(mutex_) = false;
  std::unordered_map<InodeId, std::weak_ptr<Inode>> sockets_ GUARDED_BY(mutex_);
  base::LogLimiter log_{std::chrono::minutes(10)};
  base::MemoryShortage shortage_{"finding out which sockets are bound"};
  std::thread thread_;
};

}  // namespace scratchfs::tree

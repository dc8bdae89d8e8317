#include "fs/tree/socket_watch.h"

#include <pthread.h>
#include <cstring>
#include <utility>
#include <vector>

#include "fs/base/log.h"
#include "fs/lifetime/processes.h"

namespace scratchfs::tree {

namespace {

constexpr std::chrono::milliseconds kPause{500};
// Sessions end in bursts: one query answers for all their sockets.
constexpr std::chrono::milliseconds kCollect{20};

}  // namespace

SocketWatch::SocketWatch(lifetime::BoundSockets bound, Unbound unbound)
    : bound_(std::move(bound)), unbound_(std::move(unbound)), thread_([this] { run(); }) {}

SocketWatch::~SocketWatch() { stop(); }

void SocketWatch::stop() {
  {
    base::Lock lock(mutex_);
    stopping_ = true;
    something_to_do_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
}

void SocketWatch::look_after(const InodeRef& socket) {
  base::Lock lock(mutex_);
  if (!sockets_.try_emplace(socket->id, socket).second) return;
  fresh_ = true;
  something_to_do_.notify_all();
}

bool SocketWatch::is_bound(const Inode& socket) const {
  const auto bound = bound_();
  return bound && bound->contains(static_cast<std::uint32_t>(socket.id));
}

void SocketWatch::run() {
  pthread_setname_np(pthread_self(), "sockets");
  base::Lock lock(mutex_);
  while (!stopping_) {
    if (sockets_.empty()) {
      something_to_do_.wait(mutex_);
      continue;
    }
    if (!fresh_) something_to_do_.wait_for(mutex_, kPause);
    if (!stopping_) something_to_do_.wait_for(mutex_, kCollect);
    if (stopping_) return;
    fresh_ = false;
    lock.unlock();
    shortage_.survives([this] { look(); });
    lock.lock();
  }
}

void SocketWatch::look() {
  std::vector<InodeRef> asked;
  {
    base::Lock lock(mutex_);
    for (auto at = sockets_.begin(); at != sockets_.end();) {
      if (InodeRef socket = at->second.lock()) {
        asked.push_back(std::move(socket));
        ++at;
      } else {
        at = sockets_.erase(at);
      }
    }
  }
  const auto bound = bound_();
  if (!bound && lifetime::is_lack(bound.error())) return;  // checked again after a pause
  if (!bound) {
    if (const auto omitted = log_.admit())
      log::warn(
          "cannot find out which sockets are bound, so they are deleted with their claims: {}{}",
          std::strerror(bound.error().value()), base::and_more(*omitted));
  }
  for (const InodeRef& socket : asked) {
    if (bound && !socket->gone && bound->contains(static_cast<std::uint32_t>(socket->id))) continue;
    // First: if this throws bad_alloc, the socket is checked again.
    unbound_(socket);
    base::Lock lock(mutex_);
    sockets_.erase(socket->id);
  }
}

}  // namespace scratchfs::tree

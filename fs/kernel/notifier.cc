#include "fs/kernel/notifier.h"

#include <spdlog/spdlog.h>

#include <cerrno>
#include <cstring>
#include <functional>
#include <new>
#include <utility>

#include "fs/base/background.h"

namespace scratchfs::kernel {

namespace {

// Beyond that the kernel is told to look up every name again: a dozen MiB instead of no bound.
constexpr std::size_t kMostQueued = 64 * 1024;

// ENOENT: the kernel does not know the name. ENOTEMPTY, EBUSY: a directory that is still in use
// there as a place for names or mounts. ENODEV, ENOTCONN: the mount is going.
bool is_news(int result) {
  switch (-result) {
    case 0:
    case ENOENT:
    case ENOTEMPTY:
    case EBUSY:
    case ENODEV:
    case ENOTCONN:
      return false;
    default:
      return true;
  }
}

}  // namespace

std::size_t Notifier::KeyHash::operator()(const Key& key) const {
  return std::hash<std::string>()(key.name) ^ (key.parent * 0x9E3779B97F4A7C15U);
}

Notifier::~Notifier() { stop(); }

bool Notifier::start(fuse_session* session) {
  auto started = base::start_thread("notifier", [this, session] { work(session); });
  if (!started) return false;
  thread_ = *std::move(started);
  return true;
}

void Notifier::stop() {
  {
    const base::Lock lock(mutex_);
    stopped_ = true;
    queued_.clear();
    something_to_do_.notify_one();
  }
  if (thread_.joinable()) thread_.join();
}

void Notifier::name_gone(tree::InodeId parent, tree::InodeId child, std::string name) {
  queue({parent, std::move(name)}, child);
}

void Notifier::name_expired(tree::InodeId parent, std::string name) {
  queue({parent, std::move(name)}, kExpireOnly);
}

void Notifier::inode_changed(tree::InodeId inode) { queue({inode, std::string()}, kExpireOnly); }

void Notifier::queue(Key key, tree::InodeId child) {
  const base::Lock lock(mutex_);
  if (stopped_ || forget_all_) return;
  try {
    if (queued_.size() < kMostQueued) {
      queued_.insert_or_assign(std::move(key), child);
    } else {
      forget_all_ = true;
    }
  } catch (const std::bad_alloc&) {
    forget_all_ = true;
  }
  if (forget_all_) queued_.clear();
  something_to_do_.notify_one();
}

void Notifier::work(fuse_session* session) {
  base::Lock lock(mutex_);
  while (true) {
    while (queued_.empty() && !forget_all_ && !stopped_) something_to_do_.wait(mutex_);
    if (stopped_) return;
    // One at a time: a later notice about the name, or stop(), still reaches what waits here.
    const bool all = std::exchange(forget_all_, false);
    auto notice = all ? Batch::node_type() : queued_.extract(queued_.begin());
    lock.unlock();
    if (all) {
      forget_all(session);
    } else {
      send(session, notice.key(), notice.mapped());
    }
    lock.lock();
  }
}

void Notifier::forget_all(fuse_session* session) {
  const int result = fuse_lowlevel_notify_increment_epoch(session);
  if (!is_news(result)) return;
  if (const auto omitted = log_.admit()) {
    spdlog::warn("names that are gone may be seen until their timeout: {}{}", strerror(-result),
                 base::and_more(*omitted));
  }
}

void Notifier::send(fuse_session* session, const Key& key, tree::InodeId child) {
  const char* name = key.name.data();
  const std::size_t length = key.name.size();
  int result = 0;
  if (length == 0) {
    result = fuse_lowlevel_notify_inval_inode(session, key.parent, 0, 0);
  } else if (child == kExpireOnly) {
    result = fuse_lowlevel_notify_expire_entry(session, key.parent, name, length);
    if (result == -ENOSYS) {
      result = fuse_lowlevel_notify_inval_entry(session, key.parent, name, length);
    }
  } else {
    result = fuse_lowlevel_notify_delete(session, key.parent, child, name, length);
  }
  if (!is_news(result)) return;
  if (const auto omitted = log_.admit()) {
    const char* what = length == 0            ? "changed"
                       : child == kExpireOnly ? "has a name that must be looked up again"
                                              : "lost a name";
    spdlog::warn("cannot tell the kernel that inode {} {}: {}{}", key.parent, what,
                 strerror(-result), base::and_more(*omitted));
  }
}

}  // namespace scratchfs::kernel

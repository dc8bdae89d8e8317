#include "fs/kernel/transport/notifier.h"

#include <cerrno>
#include <cstring>
#include <functional>
#include <new>
#include <utility>

#include "fs/base/background.h"
#include "fs/base/log.h"

namespace scratchfs::kernel {

namespace {

// Limit of notifications that no quota pays for. Beyond it the kernel is told to look up every name
// again, so they take a dozen MiB at most.
constexpr std::size_t kMostDroppable = 64 * 1024;
constexpr std::size_t kFewBuckets = 1024;  // a larger table is freed once it is empty
// Takes about ten milliseconds to send.
constexpr std::size_t kFewQueued = 256;

// Returns whether `result` is an unexpected error. ENOENT: the kernel does not know the name.
// ENOTEMPTY, EBUSY: the kernel still uses the directory for names or mounts. ENODEV, ENOTCONN: the
// mount is going away.
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
  return std::hash<std::string>()(key.name) ^ ((key.parent + 31 * key.child) * 0x9E3779B97F4A7C15U);
}

Notifier::~Notifier() { stop(); }

bool Notifier::start(fuse_session* session) {
  auto started = base::start_thread("notifier", [this, session] { work(session); });
  if (!started) return false;
  thread_ = *std::move(started);
  session_ = session;
  return true;
}

void Notifier::stop() {
  session_ = nullptr;
  {
    Batch older, newer;  // destroys what they keep outside the lock
    const base::Lock lock(mutex_);
    stopped_ = true;
    older.swap(older_);
    newer.swap(newer_);
    something_to_do_.notify_one();
    room_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
}

void Notifier::name_gone(tree::InodeId parent, tree::InodeId child, std::string name,
                         std::shared_ptr<void> until_told) {
  queue({parent, std::move(name), child}, std::move(until_told));
}

void Notifier::name_expired(tree::InodeId parent, std::string name) {
  queue({parent, std::move(name), kExpireOnly}, nullptr);
}

void Notifier::mode_changed(tree::InodeId inode) {
  fuse_session* const session = session_;
  if (session == nullptr) return;
  constexpr off_t kAttributesAlone = -1;
  const int result = fuse_lowlevel_notify_inval_inode(session, inode, kAttributesAlone, 0);
  if (is_news(result)) log_failure(inode, "has another mode", result);
}

void Notifier::wait_for_room(std::chrono::milliseconds timeout) {
  const auto until = std::chrono::steady_clock::now() + timeout;
  base::Lock lock(mutex_);
  while (older_.size() + newer_.size() > kFewQueued) {
    const auto left = until - std::chrono::steady_clock::now();
    if (left <= left.zero()) return;
    room_.wait_for(mutex_, left);
  }
}

bool Notifier::is_idle() {
  const base::Lock lock(mutex_);
  return older_.empty() && newer_.empty() && !invalidate_all_ && !busy_;
}

void Notifier::queue(Key key, std::shared_ptr<void> until_told) {
  const base::Lock lock(mutex_);
  const bool droppable = until_told == nullptr;
  if (stopped_ || (invalidate_all_ && droppable)) return;
  try {
    if (droppable && droppable_ >= kMostDroppable) {
      invalidate_all_ = true;
    } else {
      put(std::move(key), std::move(until_told));
    }
  } catch (const std::bad_alloc&) {
    invalidate_all_ = true;
  }
  if (invalidate_all_) drop_droppable();
  something_to_do_.notify_one();
}

// The deletion of a name cancels its queued expiry.
void Notifier::put(Key key, std::shared_ptr<void>&& until_told) {
  if (key.child != kExpireOnly) {
    const Key expiry{key.parent, key.name, kExpireOnly};
    droppable_ -= older_.erase(expiry) + newer_.erase(expiry);
  }
  if (older_.contains(key)) return;
  const bool droppable = until_told == nullptr;
  if (newer_.try_emplace(std::move(key), std::move(until_told)).second && droppable) ++droppable_;
}

void Notifier::drop_droppable() {
  const auto is_droppable = [](const auto& queued) { return queued.second == nullptr; };
  std::erase_if(older_, is_droppable);
  std::erase_if(newer_, is_droppable);
  droppable_ = 0;
  room_.notify_all();
}

// REQUIRES: a notification is queued.
Notifier::Batch::node_type Notifier::take() {
  if (older_.empty()) {
    if (older_.bucket_count() > kFewBuckets) Batch().swap(older_);
    older_.swap(newer_);
  }
  auto first = older_.extract(older_.begin());
  if (first.mapped() == nullptr) --droppable_;
  return first;
}

void Notifier::work(fuse_session* session) {
  base::Lock lock(mutex_);
  while (true) {
    while (older_.empty() && newer_.empty() && !invalidate_all_ && !stopped_)
      something_to_do_.wait(mutex_);
    if (stopped_) return;
    // Takes one at a time, so that a later notification of the same name, or stop(), still affects
    // the queued ones.
    const bool all = std::exchange(invalidate_all_, false);
    auto notice = all ? Batch::node_type() : take();
    busy_ = true;
    if (older_.size() + newer_.size() <= kFewQueued) room_.notify_all();
    lock.unlock();
    if (all) {
      invalidate_all(session);
    } else {
      send(session, notice.key());
    }
    notice = {};  // also releases what it kept
    lock.lock();
    busy_ = false;
  }
}

void Notifier::invalidate_all(fuse_session* session) {
  const int result = fuse_lowlevel_notify_increment_epoch(session);
  if (!is_news(result)) return;
  log::limited(log_, log::Level::warn, "deleted names may stay visible until their timeout: {}",
               strerror(-result));
}

void Notifier::send(fuse_session* session, const Key& key) {
  const char* name = key.name.data();
  const std::size_t length = key.name.size();
  const bool expires = key.child == kExpireOnly;
  int result = expires ? fuse_lowlevel_notify_expire_entry(session, key.parent, name, length)
                       : fuse_lowlevel_notify_delete(session, key.parent, key.child, name, length);
  if (expires && result == -ENOSYS)
    result = fuse_lowlevel_notify_inval_entry(session, key.parent, name, length);
  if (!is_news(result)) return;
  log_failure(key.parent, expires ? "has a name that must be looked up again" : "lost a name",
              result);
}

void Notifier::log_failure(tree::InodeId inode, const char* what, int result) {
  log::limited(log_, log::Level::warn, "cannot tell the kernel that inode {} {}: {}", inode, what,
               strerror(-result));
}

}  // namespace scratchfs::kernel

// Notifies the kernel of changes it did not request, from a thread of its own.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <unordered_map>

#include "fs/base/log_limiter.h"
#include "fs/base/mutex.h"
#include "fs/kernel/transport/fuse.h"
#include "fs/tree/notices.h"

namespace scratchfs::kernel {

// A notification can block in the kernel while a process holds the parent directory's lock, and
// that process may be waiting for one of our replies. So handlers and workers only queue
// notifications here. Invalidating attributes alone never takes such a lock and is done at once.
class Notifier final : public tree::KernelNotices {
 public:
  ~Notifier() override;

  // Starts the thread, which also sends what was queued before. Call it once. Returns false if no
  // thread can be created.
  bool start(fuse_session* session) EXCLUDES(mutex_);
  // Drops the queue, waits for the notification in progress and ends the thread. Notifications
  // queued later are dropped.
  void stop() EXCLUDES(mutex_);

  // Both queue a notification and return; callable from any thread. Duplicates are merged, and a
  // deletion cancels a queued expiry of the same name.
  void name_gone(tree::InodeId parent, tree::InodeId child, std::string name,
                 std::shared_ptr<void> until_told) override EXCLUDES(mutex_);
  void name_expired(tree::InodeId parent, std::string name) override EXCLUDES(mutex_);
  void wait_for_room(std::chrono::milliseconds timeout) override EXCLUDES(mutex_);
  // Sends the notification from the calling thread; does nothing before start() or after stop().
  void mode_changed(tree::InodeId inode) override;
  // Returns whether everything queued so far has been sent.
  bool is_idle() EXCLUDES(mutex_);

 private:
  struct Key {
    tree::InodeId parent;
    std::string name;
    tree::InodeId child;
    bool operator==(const Key&) const = default;
  };
  struct KeyHash {
    std::size_t operator()(const Key& key) const;
  };
  static constexpr tree::InodeId kExpireOnly = 0;  // stands in for `child`
  // Maps to an object kept alive until the notification is sent; null: the notification may be
  // dropped.
  using Batch = std::unordered_map<Key, std::shared_ptr<void>, KeyHash>;

  void queue(Key key, std::shared_ptr<void> until_told) EXCLUDES(mutex_);
  void put(Key key, std::shared_ptr<void>&& until_told) REQUIRES(mutex_);
  void drop_droppable() REQUIRES(mutex_);
  Batch::node_type take() REQUIRES(mutex_);
  void work(fuse_session* session) EXCLUDES(mutex_);
  void send(fuse_session* session, const Key& key);
  void invalidate_all(fuse_session* session);
  void log_failure(tree::InodeId inode, const char* what, int result);

  base::Mutex mutex_;
  base::Condition something_to_do_;
  base::Condition room_;  // the queue has become short
  // A notification is in one of the two. The older batch is sent first, so that none starves.
  Batch older_ GUARDED_BY(mutex_);
  Batch newer_ GUARDED_BY(mutex_);
  std::size_t droppable_ GUARDED_BY(mutex_) = 0;  // in both batches
  bool busy_ GUARDED_BY(mutex_) = false;
  // The queue overflowed: all names are to be invalidated at once.
  bool invalidate_all_ GUARDED_BY(mutex_) = false;
  bool stopped_ GUARDED_BY(mutex_) = false;
  base::LogLimiter log_{std::chrono::seconds(5)};
  std::atomic<fuse_session*> session_ = nullptr;  // null: not started, or stopped
  std::thread thread_;
};

}  // namespace scratchfs::kernel

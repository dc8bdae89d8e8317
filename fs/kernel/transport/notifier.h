// Tells the kernel what changed without its asking, from a thread of its own.
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

// A notification can block in the kernel for as long as a process holds the parent's lock, and that
// process may be waiting for one of our replies: so no handler and no worker sends one, they only
// queue it here. Attributes alone are the exception: the kernel marks them without waiting for a
// lock that a process may hold.
class Notifier final : public tree::KernelNotices {
 public:
  Notifier() = default;
  ~Notifier() override;
  Notifier(const Notifier&) = delete;
  Notifier& operator=(const Notifier&) = delete;

  // Starts sending to this session, what was queued before included. Once. False: the machine lets
  // no more threads be made.
  bool start(fuse_session* session) EXCLUDES(mutex_);
  // Drops what is queued, waits for the notification under way, ends the thread. Everything queued
  // later is dropped.
  void stop() EXCLUDES(mutex_);

  // Both queue and return; from any thread. Of several about one name the last one counts.
  void name_gone(tree::InodeId parent, tree::InodeId child, std::string name,
                 std::shared_ptr<void> until_told) override EXCLUDES(mutex_);
  void name_expired(tree::InodeId parent, std::string name) override EXCLUDES(mutex_);
  void wait_for_room(std::chrono::milliseconds patience) override EXCLUDES(mutex_);
  // Sent at once, by the caller's thread.
  void mode_changed(tree::InodeId inode) override;
  // The cached pages and attributes of the inode are no longer true.
  void inode_changed(tree::InodeId inode) EXCLUDES(mutex_);
  // Whether the kernel has been told all that was queued so far.
  bool is_idle() EXCLUDES(mutex_);

 private:
  struct Key {
    tree::InodeId parent;
    std::string name;  // empty: of the inode `parent` itself
    tree::InodeId child;
    bool operator==(const Key&) const = default;
  };
  struct KeyHash {
    std::size_t operator()(const Key& key) const;
  };
  static constexpr tree::InodeId kExpireOnly = 0;  // in place of a child
  // With what is kept until it is told; null: the notice may be dropped.
  using Batch = std::unordered_map<Key, std::shared_ptr<void>, KeyHash>;

  void queue(Key key, std::shared_ptr<void> until_told) EXCLUDES(mutex_);
  void put(Key key, std::shared_ptr<void> until_told) REQUIRES(mutex_);
  void drop_droppable() REQUIRES(mutex_);
  Batch::node_type take() REQUIRES(mutex_);
  void work(fuse_session* session) EXCLUDES(mutex_);
  void send(fuse_session* session, const Key& key);
  void forget_all(fuse_session* session);
  void log_failure(tree::InodeId inode, const char* what, int result);

  base::Mutex mutex_;
  base::Condition something_to_do_;
  base::Condition room_;  // few are queued
  // The older ones are sent first, so that none waits for ever; each notice is in one of the two.
  Batch older_ GUARDED_BY(mutex_);
  Batch newer_ GUARDED_BY(mutex_);
  std::size_t droppable_ GUARDED_BY(mutex_) = 0;  // of both
  bool busy_ GUARDED_BY(mutex_) = false;
  bool forget_all_ GUARDED_BY(mutex_) = false;  // more was queued than is kept one by one
  bool stopped_ GUARDED_BY(mutex_) = false;
  base::LogLimiter log_{std::chrono::seconds(5)};
  std::atomic<fuse_session*> session_ = nullptr;  // null: not started, or stopped
  std::thread thread_;
};

}  // namespace scratchfs::kernel

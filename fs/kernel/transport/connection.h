// Wraps libfuse's session: mounts, runs the threads that read requests, and shuts down cleanly.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "fs/base/mutex.h"
#include "fs/base/result.h"
#include "fs/kernel/transport/fuse.h"
#include "fs/kernel/transport/notifier.h"
#include "fs/kernel/transport/options.h"
#include "fs/kernel/transport/parking.h"
#include "fs/kernel/transport/request_thread.h"
#include "fs/mounts/own_mount.h"

namespace scratchfs::kernel {

// Call mount(), then serve() once, on one thread; stop() may come from any. docs/transport.md
// explains the order of the shutdown.
class Connection {
 public:
  // `operations` as for fuse_session_new(3); their init must call negotiate(). The handlers get
  // `userdata`. Owns none of its arguments; all must outlive the connection.
  static base::Result<std::unique_ptr<Connection>, base::Failure> create(
      const fuse_lowlevel_ops& operations, void* userdata, Parking& parking, Notifier& notifier,
      const SessionOptions& options);
  // Selects the capabilities during INIT. Afterwards fuse_get_feature_flag() tells what the kernel
  // grants.
  static void negotiate(fuse_conn_info& connection);
  ~Connection();  // unmounts

  // As Session::mount().
  base::Result<void, base::Failure> mount(const std::string& mountpoint,
                                          const base::Descriptor& directory);
  const mounts::Mount& mounted() const { return mount_.mount(); }
  base::Result<void, base::Failure> serve(const std::function<void()>& ready) EXCLUDES(mutex_);
  void stop() EXCLUDES(mutex_);

  // Returns the number of rings; 0: requests come through /dev/fuse.
  unsigned rings() const EXCLUDES(mutex_);
  // Implement tree::RequestBarrier.
  bool all_handled(std::chrono::milliseconds timeout) EXCLUDES(mutex_);
  bool all_forgotten(std::chrono::milliseconds timeout) EXCLUDES(mutex_);

 private:
  Connection(Parking& parking, Notifier& notifier, IoUring wish, bool io_uring);
  // Short enough for the small-string buffer, so it needs no memory itself.
  static base::Failure no_memory() { return {"no memory"}; }
  base::Result<void, base::Failure> keep_strict_access_times(const std::string& mountpoint) const;
  base::Result<void, base::Failure> mount_on(const base::Descriptor& directory);
  base::Result<void, base::Failure> mount_with_helper(const std::string& mountpoint);
  base::Result<void, base::Failure> mount_at(const std::string& path);
  base::Result<void, base::Failure> start(const std::function<void()>& ready);
  base::Result<void, base::Failure> await_rings() EXCLUDES(mutex_);
  bool wait_for_init() EXCLUDES(mutex_);
  bool request_threads_were_idle_by(std::chrono::steady_clock::time_point deadline);
  bool readers_were_idle_by(std::chrono::steady_clock::time_point deadline);
  void wait_for_end() EXCLUDES(mutex_);
  base::Result<void, base::Failure> finish() EXCLUDES(mutex_);
  base::Result<void, base::Failure> detach();
  bool was_aborted() EXCLUDES(mutex_);
  base::Result<void, base::Failure> outcome(bool aborted) EXCLUDES(mutex_);

  class KnownRequestThread;
  bool add_reader();
  void read_requests() EXCLUDES(mutex_);
  void end_without_memory() EXCLUDES(mutex_);
  void note_end(int error) REQUIRES(mutex_);
  void dispatch(std::span<std::byte> bytes) EXCLUDES(mutex_);
  void note_init_answered() EXCLUDES(mutex_);

  Parking& parking_;
  Notifier& notifier_;
  const IoUring wish_;
  const bool io_uring_;  // libfuse has been told to use it
  bool strict_access_times_ = false;
  bool owns_rings_ = false;  // holds RingSet's claim
  fuse_session* session_ = nullptr;
  std::string mount_options_;  // for fusermount3
  mounts::OwnMount mount_;
  std::vector<std::thread> readers_;
  base::Mutex request_threads_mutex_;  // a leaf
  std::vector<const RequestThread*> request_threads_
      GUARDED_BY(request_threads_mutex_);  // of the readers
  // Requests come through rings; the reader receives only FORGETs and INTERRUPTs.
  std::atomic<bool> served_by_rings_ = false;

  mutable base::Mutex mutex_;
  base::Condition changed_;
  bool initialized_ GUARDED_BY(mutex_) = false;  // INIT has been answered
  bool kernel_has_rings_ GUARDED_BY(mutex_) = false;
  bool ended_ GUARDED_BY(mutex_) = false;  // a reader has seen the end of the connection
  bool stopping_ GUARDED_BY(mutex_) = false;
  int read_error_ GUARDED_BY(mutex_) = 0;
  unsigned rings_ GUARDED_BY(mutex_) = 0;
};

}  // namespace scratchfs::kernel

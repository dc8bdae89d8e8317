#include "fs/kernel/transport/connection.h"

#include <fmt/core.h>
#include <pthread.h>
#include <sys/sysinfo.h>

#include <algorithm>
#include <cstring>
#include <new>
#include <thread>
#include <utility>

#include "fs/base/log.h"
#include "fs/base/memory_shortage.h"
#include "fs/base/thread_limit.h"
#include "fs/kernel/transport/capabilities.h"
#include "fs/kernel/transport/io_uring_choice.h"
#include "fs/kernel/transport/libfuse_log.h"
#include "fs/kernel/transport/ring_wrap.h"

namespace scratchfs::kernel {

namespace {

constexpr std::chrono::seconds kRingStart{5};

// From the INIT that this thread has just answered.
thread_local bool kernel_has_rings = false;

// Escapes a value for libfuse's option parser.
std::string escaped(const std::string& value) {
  std::string result;
  for (const char c : value) {
    if (c == ',' || c == '\\') result += '\\';
    result += c;
  }
  return result;
}

// Returns the options for the kernel, whether libfuse or fusermount3 passes them on.
std::string mount_option_list(const SessionOptions& options) {
  std::string list = "fsname=" + escaped(options.source) + ",subtype=scratchfs";
  for (const std::string& option : options.mount_options) list += "," + escaped(option);
  if (options.allow_other) list += ",allow_other";
  // Last, so that earlier options cannot override them.
  return list + ",default_permissions,nosuid,nodev";
}

std::string option_list(const SessionOptions& options, bool io_uring) {
  if (!io_uring) return mount_option_list(options);
  return fmt::format("io_uring,io_uring_q_depth={},", options.ring_depth) +
         mount_option_list(options);
}

base::Result<fuse_session*, base::Failure> new_session(const fuse_lowlevel_ops& operations,
                                                       void* userdata, std::string options) {
  std::string name = "scratchfs";
  std::string dash_o = "-o";
  char* argv[] = {name.data(), dash_o.data(), options.data()};
  fuse_args args = FUSE_ARGS_INIT(3, argv);
  MessageCapture said;
  fuse_session* session = fuse_session_new(&args, &operations, sizeof operations, userdata);
  const std::string why = said.text();
  fuse_opt_free_args(&args);
  if (session != nullptr) return session;
  return base::Failure{fmt::format("libfuse rejected the mount options: {}", why)};
}

// Runs a step of the shutdown, retrying for a second if memory is short. Returns false if it never
// succeeds.
template <typename Work>
bool insist(const char* on_what, Work work) {
  constexpr int kMostTries = 20;
  base::MemoryShortage shortage(on_what);
  for (int tries = 0; tries < kMostTries; ++tries) {
    if (shortage.survives(work)) return true;
  }
  return false;
}

}  // namespace

base::Result<std::unique_ptr<Connection>, base::Failure> Connection::create(
    const fuse_lowlevel_ops& operations, void* userdata, Parking& parking, Notifier& notifier,
    const SessionOptions& options) {
  install_libfuse_log();
  auto choice = choose_io_uring(options.io_uring, io_uring_facts());
  if (!choice) return choice.error();
  if (choice->must_enable) {
    if (auto enabled = enable_io_uring(); !enabled) return enabled.error();
  }
  if (!choice->why_not.empty()) log::info("without io_uring: {}", choice->why_not);
  std::unique_ptr<Connection> connection(
      new Connection(parking, notifier, options.io_uring, choice->use));
  if (SCRATCHFS_WRAPS_RINGS && choice->use) {
    connection->owns_rings_ = RingSet::claim();
    if (!connection->owns_rings_) {
      return base::Failure{"io_uring: another mount of this process uses it"};
    }
  }
  auto session = new_session(operations, userdata, option_list(options, choice->use));
  if (!session) return session.error();
  connection->session_ = *session;
  connection->mount_options_ = mount_option_list(options);
  connection->strict_access_times_ = options.strict_access_times;
  return connection;
}

void Connection::negotiate(fuse_conn_info& connection) {
  choose_capabilities(connection);
  kernel_has_rings = fuse_get_feature_flag(&connection, FUSE_CAP_OVER_IO_URING);
}

Connection::Connection(Parking& parking, Notifier& notifier, IoUring wish, bool io_uring)
    : parking_(parking), notifier_(notifier), wish_(wish), io_uring_(io_uring) {}

Connection::~Connection() {
  if (owns_rings_ && session_ == nullptr) RingSet::forget();
  if (session_ == nullptr) return;
  if (auto finished = finish(); !finished) log::error("{}", finished.error().message);
}

base::Result<void, base::Failure> Connection::serve(const std::function<void()>& ready) {
  auto result = start(ready);
  if (result) wait_for_end();
  auto finished = finish();
  if (!result) return result;
  return finished;
}

void Connection::stop() {
  const base::Lock lock(mutex_);
  stopping_ = true;
  changed_.notify_all();
}

unsigned Connection::rings() const {
  const base::Lock lock(mutex_);
  return rings_;
}

base::Result<void, base::Failure> Connection::start(const std::function<void()>& ready) {
  // The notifier comes first, because every request may change what the kernel must be told.
  if (!notifier_.start(session_) || !add_reader()) return base::Failure{base::kThreadLimit};
  if (!wait_for_init()) return {};
  if (io_uring_) {
    if (auto rings = await_rings(); !rings) return rings;
  }
  // Handlers never block, so there is no use for more readers than CPUs; each ring has its own
  // thread.
  const int readers = rings() > 0 ? 1 : std::clamp(get_nprocs(), 2, 8);
  for (int i = 1; i < readers; ++i) add_reader();
  // One worker suffices to run everything that is parked, if no others can be started.
  if (!parking_.start()) return base::Failure{base::kThreadLimit};
  ready();
  return {};
}

// Returns false if there is nothing left to wait for.
bool Connection::wait_for_init() {
  base::Lock lock(mutex_);
  while (!initialized_ && !ended_ && !stopping_) changed_.wait(mutex_);
  return initialized_ && !ended_ && !stopping_;
}

base::Result<void, base::Failure> Connection::await_rings() {
  const auto wanted = static_cast<unsigned>(get_nprocs_conf());
  base::Lock lock(mutex_);
  base::Result<void, base::Failure> result;
  unsigned started = wanted;
  if (!kernel_has_rings_) {
    started = 0;
    result = base::Failure{"io_uring: the kernel did not grant it"};
  } else if (SCRATCHFS_WRAPS_RINGS) {
    lock.unlock();
    result = RingSet::wait_for(wanted, kRingStart, started);
    lock.lock();
  }
  rings_ = started;
  served_by_rings_ = static_cast<bool>(result);
  if (result) return {};
  // No ring: libfuse could not create them and has told the kernel, which then uses /dev/fuse.
  if (started > 0 || wish_ == IoUring::on) return result;
  log::warn("without io_uring: {}", result.error().message);
  return {};
}

void Connection::wait_for_end() {
  base::Lock lock(mutex_);
  while (!ended_ && !stopping_) changed_.wait(mutex_);
}

// Neither this nor anything it calls may throw, because the destructor calls it.
base::Result<void, base::Failure> Connection::finish() {
  const bool aborted = was_aborted();
  // First, while requests are still served: unmounting may write back pages of mapped files.
  auto detached = detach();
  // While the rings exist: a reply to a ring that libfuse has freed would write to freed memory.
  parking_.drain();
  // After the replies that a process may await while it holds a lock that the notifier needs.
  notifier_.stop();
  fuse_session_exit(session_);
  for (std::thread& reader : readers_) pthread_cancel(reader.native_handle());
  for (std::thread& reader : readers_) reader.join();
  readers_.clear();
  // This loop ends before it begins; the call only stops libfuse's rings and their threads.
  static_cast<void>(fuse_session_loop(session_));
  if (owns_rings_) RingSet::forget();
  owns_rings_ = false;
  fuse_session_destroy(std::exchange(session_, nullptr));
  if (!detached) return detached;
  base::Result<void, base::Failure> result;
  if (!insist("reporting how the mount ended", [&] { result = outcome(aborted); }))
    result = no_memory();
  return result;
}

// Returns false if there is no memory to find out.
bool Connection::was_aborted() {
  {
    const base::Lock lock(mutex_);
    if (!ended_ || stopping_) return false;
  }
  bool there = false;
  insist("checking whether the mount still exists", [&] { there = mount_.is_there(); });
  return there;
}

base::Result<void, base::Failure> Connection::outcome(bool aborted) {
  const base::Lock lock(mutex_);
  if (read_error_ != 0) {
    return base::Failure{fmt::format("reading requests: {}", strerror(read_error_))};
  }
  if (aborted) return base::Failure{"the connection to the kernel was aborted"};
  return {};
}

// If memory stays short, the guardian unmounts after this process has ended.
base::Result<void, base::Failure> Connection::detach() {
  base::Result<void, base::Failure> result = no_memory();
  insist("unmounting", [&] { result = mount_.detach(); });
  return result;
}

// The first request is INIT; until it is answered there is only one reader.
void Connection::note_init_answered() {
  thread_local bool seen = false;
  if (seen) return;
  seen = true;
  const base::Lock lock(mutex_);
  initialized_ = true;
  kernel_has_rings_ = kernel_has_rings;
  changed_.notify_all();
}

}  // namespace scratchfs::kernel

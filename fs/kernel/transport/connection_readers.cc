// How a connection reads requests and tells which of them have been handled.
#include <poll.h>
#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <new>
#include <thread>
#include <utility>

#include "fs/base/background.h"
#include "fs/kernel/transport/capabilities.h"
#include "fs/kernel/transport/connection.h"
#include "fs/kernel/transport/request_id.h"
#include "fs/kernel/transport/ring_wrap.h"

namespace scratchfs::kernel {

namespace {

// With rings the reader receives FORGETs, besides rare INTERRUPTs. Each unlink or rmdir would wake
// it for one; a reader that returns later takes a batch. Waking it was measured at 9 of the 32 us
// of an unlink.
constexpr std::chrono::milliseconds kForgetsGather{2};

// The kernel requires room for the largest write and its headers, and at least 8 KiB.
constexpr std::size_t kReceiveSize = kMaxWrite + 8192;

// Returns whether an error of read(2) is harmless: a signal, a request withdrawn, or a request
// being read when the connection ended, after which the next read returns ENODEV.
bool is_passing(int error) {
  return error == EINTR || error == EAGAIN || error == ENOENT || error == ECONNABORTED;
}

}  // namespace

// Returns false if there is no thread or no memory for it.
bool Connection::add_reader() {
  try {
    readers_.reserve(readers_.size() + 1);  // a running thread must not be lost track of
    const base::Lock lock(request_threads_mutex_);
    request_threads_.reserve(readers_.size() + 1);
  } catch (const std::bad_alloc&) {
    return false;
  }
  // libfuse's ring threads inherit the signal mask of a reader, which blocks all signals.
  auto started = base::start_thread("reader", [this] { read_requests(); });
  if (!started) return false;
  readers_.push_back(*std::move(started));
  return true;
}

class Connection::KnownRequestThread {
 public:
  KnownRequestThread(Connection& connection, const RequestThread& request_thread)
      : connection_(connection), request_thread_(request_thread) {
    const base::Lock lock(connection_.request_threads_mutex_);
    connection_.request_threads_.push_back(&request_thread_);
  }
  ~KnownRequestThread() {
    const base::Lock lock(connection_.request_threads_mutex_);
    std::erase(connection_.request_threads_, &request_thread_);
  }
  KnownRequestThread(const KnownRequestThread&) = delete;
  KnownRequestThread& operator=(const KnownRequestThread&) = delete;

 private:
  Connection& connection_;
  const RequestThread& request_thread_;
};

// Background requests, RELEASE among them, wait in the kernel while kMaxBackground of them are in
// flight; parked reads and writes count. If fewer than half as many were parked throughout the
// call, no request waits behind a parked one.
bool Connection::all_handled(std::chrono::milliseconds timeout) {
  const std::uint64_t parked = parking_.parked(Parking::Lane::disk);
  const std::uint64_t parked_before = parking_.parked_total(Parking::Lane::disk);
  if (!request_threads_were_idle_by(std::chrono::steady_clock::now() + timeout)) return false;
  return parked + parking_.parked_total(Parking::Lane::disk) - parked_before < kMaxBackground / 2;
}

bool Connection::request_threads_were_idle_by(std::chrono::steady_clock::time_point deadline) {
  if (owns_rings_ && served_by_rings_) return RingSet::were_idle_by(deadline);
  return readers_were_idle_by(deadline);
}

// FORGETs follow the requests that cause them, and always come through /dev/fuse.
bool Connection::all_forgotten(std::chrono::milliseconds timeout) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  return all_handled(timeout) && readers_were_idle_by(deadline);
}

bool Connection::readers_were_idle_by(std::chrono::steady_clock::time_point deadline) {
  // The queue must be seen empty first, and then each reader idle: what it had taken is handled.
  pollfd queue{.fd = fuse_session_fd(session_), .events = POLLIN, .revents = 0};
  while (poll(&queue, 1, 0) != 0) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::yield();
  }
  const base::Lock lock(request_threads_mutex_);
  return std::ranges::all_of(request_threads_, [deadline](const RequestThread* request_thread) {
    return request_thread->was_idle_by(deadline);
  });
}

// Ends with the connection, or when cancelled while it waits for a request; nothing else reliably
// interrupts that read.
void Connection::read_requests() {
  pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, nullptr);
  const std::unique_ptr<std::byte[]> memory(new (std::nothrow) std::byte[kReceiveSize]);
  if (memory == nullptr) return end_without_memory();
  RequestThread request_thread;
  const KnownRequestThread known(*this, request_thread);
  int error = 0;
  while (fuse_session_exited(session_) == 0) {
    pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, nullptr);
    if (served_by_rings_) std::this_thread::sleep_for(kForgetsGather);
    request_thread.waits();
    const ssize_t received = read(fuse_session_fd(session_), memory.get(), kReceiveSize);
    error = received < 0 ? errno : 0;
    request_thread.goes_on();
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, nullptr);
    if (is_passing(error)) error = 0;  // the loop may end after this read
    if (error != 0) break;
    if (received < 0) continue;
    dispatch({memory.get(), static_cast<std::size_t>(received)});
  }
  const base::Lock lock(mutex_);
  note_end(error == ENODEV ? 0 : error);
}

// The other readers go on; only the first reader ends the connection.
void Connection::end_without_memory() {
  const base::Lock lock(mutex_);
  if (!initialized_) note_end(ENOMEM);
}

// `error`: 0 if the mount itself has ended.
void Connection::note_end(int error) {
  if (error != 0) read_error_ = error;
  ended_ = true;
  changed_.notify_all();
}

// INTERRUPTs come here even for requests on rings. libfuse must not see those: it does not know the
// requests and would keep each INTERRUPT forever.
void Connection::dispatch(std::span<std::byte> bytes) {
  const RequestIds ids = request_ids_of(bytes);
  if (ids.interrupts) return parking_.interrupt(*ids.interrupts);
  const CurrentRequestId current(ids.id);
  fuse_buf request{};
  request.mem = bytes.data();
  request.size = bytes.size();
  fuse_session_process_buf(session_, &request);
  note_init_answered();
}

}  // namespace scratchfs::kernel

// How a connection reads requests, and knows which of them are handled.
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

// Beside rings the reader gets nothing but FORGETs. Whoever unlinks or removes a file would wake it
// for each; one that comes back later takes a batch of them. Measured: 9 of 32 us of an unlink.
constexpr std::chrono::milliseconds kForgetsGather{2};

// The kernel wants room for the largest write and what goes with it, and at least 8 KiB.
constexpr std::size_t kReceiveSize = kMaxWrite + 8192;

// What read(2) says where there is nothing wrong: a signal, a request taken back, or one that was
// being read as the connection ended, upon which the next read says ENODEV.
bool is_passing(int error) {
  return error == EINTR || error == EAGAIN || error == ENOENT || error == ECONNABORTED;
}

}  // namespace

// False: there is no thread for it, or no memory.
bool Connection::add_reader() {
  try {
    readers_.reserve(readers_.size() + 1);  // a thread that runs must not be forgotten
    const base::Lock lock(takers_mutex_);
    takers_.reserve(readers_.size() + 1);
  } catch (const std::bad_alloc&) {
    return false;
  }
  // libfuse's ring threads inherit that no signal is delivered to it.
  auto started = base::start_thread("reader", [this] { read_requests(); });
  if (!started) return false;
  readers_.push_back(*std::move(started));
  return true;
}

class Connection::KnownTaker {
 public:
  KnownTaker(Connection& connection, const Taker& taker) : connection_(connection), taker_(taker) {
    const base::Lock lock(connection_.takers_mutex_);
    connection_.takers_.push_back(&taker_);
  }
  ~KnownTaker() {
    const base::Lock lock(connection_.takers_mutex_);
    std::erase(connection_.takers_, &taker_);
  }
  KnownTaker(const KnownTaker&) = delete;
  KnownTaker& operator=(const KnownTaker&) = delete;

 private:
  Connection& connection_;
  const Taker& taker_;
};

// Asynchronous requests, RELEASE among them, wait in the kernel while kMaxBackground of their kind
// are under way, which parked reads and writes can be. As long as fewer than half as many were ever
// parked meanwhile, none waits for a parked one.
bool Connection::all_handled(std::chrono::milliseconds patience) {
  const std::uint64_t parked = parking_.parked(Parking::Lane::disk);
  const std::uint64_t parked_before = parking_.parked_total(Parking::Lane::disk);
  if (!takers_were_idle_by(std::chrono::steady_clock::now() + patience)) return false;
  return parked + parking_.parked_total(Parking::Lane::disk) - parked_before < kMaxBackground / 2;
}

bool Connection::takers_were_idle_by(std::chrono::steady_clock::time_point deadline) {
  if (owns_rings_ && only_forgets_) return RingSet::were_idle_by(deadline);
  return readers_were_idle_by(deadline);
}

// FORGETs come after what makes the kernel send them, and through /dev/fuse alone.
bool Connection::all_forgotten(std::chrono::milliseconds patience) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  return all_handled(patience) && readers_were_idle_by(deadline);
}

bool Connection::readers_were_idle_by(std::chrono::steady_clock::time_point deadline) {
  // First the queue is seen empty, then each reader idle: what it took before is handled.
  pollfd queue{.fd = fuse_session_fd(session_), .events = POLLIN, .revents = 0};
  while (poll(&queue, 1, 0) != 0) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::yield();
  }
  const base::Lock lock(takers_mutex_);
  return std::ranges::all_of(
      takers_, [deadline](const Taker* taker) { return taker->was_idle_by(deadline); });
}

// Ends when the connection does, or cancelled while it waits for a request: nothing else gets a
// thread reliably out of that.
void Connection::read_requests() {
  pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, nullptr);
  const std::unique_ptr<std::byte[]> memory(new (std::nothrow) std::byte[kReceiveSize]);
  if (memory == nullptr) return end_without_memory();
  Taker taker;
  const KnownTaker known(*this, taker);
  int error = 0;
  while (fuse_session_exited(session_) == 0) {
    pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, nullptr);
    if (only_forgets_) std::this_thread::sleep_for(kForgetsGather);
    taker.waits();
    const ssize_t received = read(fuse_session_fd(session_), memory.get(), kReceiveSize);
    error = received < 0 ? errno : 0;
    taker.goes_on();
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, nullptr);
    if (is_passing(error)) error = 0;  // which may have been the last
    if (error != 0) break;
    if (received < 0) continue;
    handle({memory.get(), static_cast<std::size_t>(received)});
  }
  const base::Lock lock(mutex_);
  note_end(error == ENODEV ? 0 : error);
}

// One reader less, unless it is the first.
void Connection::end_without_memory() {
  const base::Lock lock(mutex_);
  if (!initialized_) note_end(ENOMEM);
}

// `error`: 0 where the end is the mount's.
void Connection::note_end(int error) {
  if (error != 0) read_error_ = error;
  ended_ = true;
  changed_.notify_all();
}

// INTERRUPTs come here for rings' requests, too. libfuse must not see those: it knows none of them,
// and would keep each for ever.
void Connection::handle(std::span<std::byte> bytes) {
  const Arrival arrival = arrival_of(bytes);
  if (arrival.interrupts) return parking_.interrupt(*arrival.interrupts);
  const CurrentNumber number(arrival.number);
  fuse_buf request{};
  request.mem = bytes.data();
  request.size = bytes.size();
  fuse_session_process_buf(session_, &request);
  note_request();
}

}  // namespace scratchfs::kernel

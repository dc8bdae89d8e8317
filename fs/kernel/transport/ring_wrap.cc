#include "fs/kernel/transport/ring_wrap.h"

#include <fmt/core.h>
#include <liburing.h>
#include <linux/fuse.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/sysinfo.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <cstring>
#include <optional>
#include <span>
#include <thread>

#include "fs/base/log.h"
#include "fs/base/log_limiter.h"
#include "fs/kernel/transport/fuse.h"
#include "fs/kernel/transport/request_id.h"

namespace scratchfs::kernel {

namespace {

// An io_uring_register(2) opcode since Linux 6.13, so present wherever FUSE over io_uring is;
// Debian 12's headers lack it.
constexpr unsigned kRegisterSendMsgRing = 31;
constexpr unsigned kNoRing = ~0U;  // makes that call without a ring of one's own

// How often to retry waking a thread; after that, the next reply wakes it.
constexpr int kMostWakes = 1000;
constexpr std::chrono::milliseconds kBetweenWakes{10};

thread_local Ring* this_thread = nullptr;

// Waits at most `most`, if given.
int enter(const io_uring& ring, unsigned submit, unsigned wait,
          std::optional<std::chrono::milliseconds> most = std::nullopt) {
  const auto descriptor = static_cast<unsigned>(ring.ring_fd);
  const unsigned flags = wait == 0 ? 0U : IORING_ENTER_GETEVENTS;
  if (!most) return io_uring_enter(descriptor, submit, wait, flags, nullptr);
  const auto seconds = std::chrono::floor<std::chrono::seconds>(*most);
  __kernel_timespec time{.tv_sec = seconds.count(),
                         .tv_nsec = std::chrono::nanoseconds(*most - seconds).count()};
  io_uring_getevents_arg argument{};
  argument.ts = reinterpret_cast<std::uintptr_t>(&time);
  return io_uring_enter2(descriptor, submit, wait, flags | IORING_ENTER_EXT_ARG,
                         reinterpret_cast<sigset_t*>(&argument), sizeof argument);
}

// Since Linux 6.6. liburing 2.9 and newer set it unasked; older headers lack it.
constexpr unsigned kNoIndices = 1U << 16;

}  // namespace

// Runs once, when libfuse's ring thread first submits.
Ring* Ring::start(io_uring& ring) {
  // At the end libfuse not only wakes the thread but cancels it; a handler must not be unwound.
  pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, nullptr);
  this_thread = RingSet::add(ring);
  this_thread->entries_ = io_uring_sq_ready(&ring) - 1;  // one is libfuse's own, for its eventfd
  this_thread->memory_.reserve(this_thread->entries_);
  RingSet::report(this_thread->register_entries());
  return this_thread;
}

// A failed registration completes at once, a successful one with the first request.
int Ring::register_entries() {
  const int submitted = submit(false);
  if (submitted < 0) return submitted;
  if (static_cast<unsigned>(submitted) != entries_ + 1) return -EIO;
  unsigned head = 0;
  io_uring_cqe* cqe = nullptr;
  io_uring_for_each_cqe(&ring_, head, cqe) {
    if (cqe->res < 0) return cqe->res;
  }
  return 0;
}

Ring* Ring::of_this_thread() { return this_thread; }

// Shows the filled-in entries to the kernel, as liburing does before its system call; liburing has
// no function for this step alone. cmake/FindFuse3.cmake checks for these fields, and
// unknown_setup() for rings that are submitted differently.
unsigned Ring::hand_over() {
  io_uring_sq& queue = ring_.sq;
  queue.sqe_head = queue.sqe_tail;
  io_uring_smp_store_release(queue.ktail, queue.sqe_tail);
  return io_uring_sq_ready(&ring_);
}

unsigned Ring::unknown_setup(const io_uring& ring) {
  return ring.flags &
         ~(IORING_SETUP_SQE128 | IORING_SETUP_SUBMIT_ALL | IORING_SETUP_CQSIZE | kNoIndices);
}

// Nobody fills the memory that this returns: the lock keeps other threads away, and the kernel has
// taken all that was filled in.
void Ring::look_at_memory() {
  const base::Lock lock(mutex_);
  if (io_uring_sq_ready(&ring_) == 0) memory_.look(RingMemory::Clock::now());
}

int Ring::submit(bool wait) {
  unsigned ready = 0;
  {
    const base::Lock lock(mutex_);
    ready = hand_over();
    // From here on a replier knows that `ready` does not include its entry.
    if (wait) sleeping_.store(true, std::memory_order_relaxed);
  }
  if (wait) request_thread_.waits();
  const auto most = wait ? memory_.until_look() : std::nullopt;
  const int result = enter(ring_, ready, wait ? 1 : 0, most);
  request_thread_.goes_on();
  if (wait) sleeping_.store(false, std::memory_order_relaxed);
  if (most) look_at_memory();
  return result;
}

void Ring::end_reply() {
  const bool must_wake = sleeping_.exchange(false, std::memory_order_relaxed);
  mutex_.unlock();
  if (!must_wake) return;
  // The reply is filled in and waits for the ring's thread. A lack of memory must not leave it
  // there forever.
  for (int tries = 0; !wake(); ++tries) {
    if (tries == kMostWakes) return sleeping_.store(true, std::memory_order_relaxed);
    std::this_thread::sleep_for(kBetweenWakes);
  }
}

// Posts a completion that libfuse ignores: each entry completes with ENOTCONN at unmount.
bool Ring::wake() const {
  io_uring_sqe message{};
  message.opcode = IORING_OP_MSG_RING;
  message.fd = ring_.ring_fd;
  message.len = static_cast<unsigned>(-ENOTCONN);  // becomes the completion's result
  const int result = io_uring_register(kNoRing, kRegisterSendMsgRing, &message, 1);
  // EOVERFLOW: the completion queue is full, so the thread has completions to return for.
  if (result == 0 || result == -EOVERFLOW) return true;
  static base::LogLimiter limiter{std::chrono::seconds(1)};
  log::limited(limiter, log::Level::error, "io_uring: cannot wake a ring: {}", strerror(-result));
  return false;
}

void Ring::count_parked() {
  const unsigned parked = parked_.fetch_add(1, std::memory_order_relaxed) + 1;
  if (entries_ > 0 && parked == entries_ / 2 + 1) {
    log::debug("io_uring: more than half of a ring's {} entries are parked", entries_);
  }
}

RingReply::RingReply(Ring* ring, fuse_req* request) : ring_(ring == this_thread ? nullptr : ring) {
  if (ring_ != nullptr) {
    // A ring's thread holds its own queue's lock: waiting for another's could deadlock.
    assert(this_thread == nullptr);
    ring_->begin_reply();
  }
  if (ring != nullptr) ring->note_answered(request);
}

RingReply::~RingReply() {
  if (ring_ != nullptr) ring_->end_reply();
}

bool RingSet::claim() {
  const base::Lock lock(mutex_);
  if (claimed_) return false;
  places_ = std::vector<std::optional<Ring>>(static_cast<std::size_t>(get_nprocs_conf()));
  claimed_ = true;
  return true;
}

Ring* RingSet::add(io_uring& ring) {
  const base::Lock lock(mutex_);
  assert(taken_ < places_.size());  // libfuse creates this many
  return &places_[taken_++].emplace(ring);
}

void RingSet::report(int error) {
  const base::Lock lock(mutex_);
  if (error != 0) error_ = error;
  ++started_;
  changed_.notify_all();
}

base::Result<void, base::Failure> RingSet::wait_for(unsigned count, std::chrono::seconds timeout,
                                                    unsigned& started) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  base::Lock lock(mutex_);
  while (started_ < count && error_ == 0) {
    const auto left = deadline - std::chrono::steady_clock::now();
    if (left <= left.zero()) break;
    changed_.wait_for(mutex_, left);
  }
  started = started_;
  // The mount ended before its rings came. This is not an error of the rings; the end is reported
  // elsewhere.
  if (error_ == -ENOTCONN) return {};
  if (error_ != 0) {
    return base::Failure{fmt::format("io_uring: the kernel refused a ring: {}", strerror(-error_))};
  }
  if (started < count) {
    return base::Failure{fmt::format("io_uring: {} of {} rings started", started, count)};
  }
  return {};
}

bool RingSet::were_idle_by(std::chrono::steady_clock::time_point deadline) {
  const base::Lock lock(mutex_);
  const std::span made(places_.data(), taken_);
  return std::ranges::all_of(made, [deadline](const std::optional<Ring>& ring) {
    return ring->parked_.load(std::memory_order_relaxed) < ring->entries_ &&
           ring->request_thread_.was_idle_by(deadline);
  });
}

void RingSet::forget() {
  const base::Lock lock(mutex_);
  places_.clear();
  taken_ = 0;
  claimed_ = false;
  started_ = 0;
  error_ = 0;
}

}  // namespace scratchfs::kernel

// The functions that replace libfuse's calls; see the header.
extern "C" {
int __wrap_io_uring_submit_and_wait(io_uring* ring, unsigned wait_for) noexcept;
int __wrap_io_uring_submit(io_uring* ring) noexcept;
#if SCRATCHFS_WRAPS_RINGS
void __wrap_fuse_session_process_uring_cqe(fuse_session* session, fuse_req_t request,
                                           fuse_in_header* header, void* operation, void* payload,
                                           std::size_t size);
void __real_fuse_session_process_uring_cqe(fuse_session* session, fuse_req_t request,
                                           fuse_in_header* header, void* operation, void* payload,
                                           std::size_t size);
void* __wrap_numa_alloc_local(std::size_t size) noexcept;
void* __real_numa_alloc_local(std::size_t size) noexcept;
int __wrap_io_uring_queue_init_params(unsigned entries, io_uring* ring,
                                      io_uring_params* parameters) noexcept;
int __real_io_uring_queue_init_params(unsigned entries, io_uring* ring,
                                      io_uring_params* parameters) noexcept;
#endif

int __wrap_io_uring_submit_and_wait(io_uring* ring, unsigned /*wait_for*/) noexcept {
  using scratchfs::kernel::Ring;
  Ring* self = Ring::of_this_thread();
  if (self == nullptr) self = Ring::start(*ring);
  return self->submit(true);
}

// libfuse submits at once if a thread other than the ring's has replied.
int __wrap_io_uring_submit(io_uring* /*ring*/) noexcept { return 0; }

#if SCRATCHFS_WRAPS_RINGS
// libfuse takes requests out of a ring with this function.
void __wrap_fuse_session_process_uring_cqe(fuse_session* session, fuse_req_t request,
                                           fuse_in_header* header, void* operation, void* payload,
                                           std::size_t size) {
  using scratchfs::kernel::Ring;
  const scratchfs::kernel::CurrentRequestId current(header->unique);
  if (Ring* const ring = Ring::of_this_thread()) ring->note_taken(request, header);
  __real_fuse_session_process_uring_cqe(session, request, header, operation, payload, size);
}

// Allocates an entry's header or payload. A huge page would give the first byte of an entry 2 MiB
// of memory, and give_back_pages() relies on pages that appear one by one.
void* __wrap_numa_alloc_local(std::size_t size) noexcept {
  void* const memory = __real_numa_alloc_local(size);
  if (memory != nullptr) madvise(memory, size, MADV_NOHUGEPAGE);
  return memory;
}

// libfuse closes a ring's descriptor unless it is -1, and liburing 2.5 leaves 0 when it fails.
int __wrap_io_uring_queue_init_params(unsigned entries, io_uring* ring,
                                      io_uring_params* parameters) noexcept {
  const int result = __real_io_uring_queue_init_params(entries, ring, parameters);
  if (result < 0) ring->ring_fd = -1;
  return result;
}
#endif
}

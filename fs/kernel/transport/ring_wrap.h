// FUSE over io_uring with replies from other threads: what libfuse 3.18 lacks for it.
//
// There a ring's thread hands the submission queue to the kernel without the lock under which other
// threads fill it, and replies get lost. So calls of io_uring_submit_and_wait() and
// io_uring_submit() are led here by the linker (--wrap): the queue is filled and handed over under
// one mutex per ring, and only the ring's own thread hands it over. docs/transport.md says why a
// replier must not do that itself. Newer libraries are left alone; there is no Ring then.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>

#include "fs/base/mutex.h"
#include "fs/base/result.h"
#include "fs/kernel/transport/request_thread.h"
#include "fs/kernel/transport/ring_memory.h"

struct io_uring;

namespace scratchfs::kernel {

// One of libfuse's rings, made when its thread first submits. Lives until RingSet::forget().
class Ring {
 public:
  explicit Ring(io_uring& ring) : ring_(ring) {}
  Ring(const Ring&) = delete;
  Ring& operator=(const Ring&) = delete;

  // Takes the calling thread, libfuse's for this ring, for its own.
  static Ring* start(io_uring& ring);
  // The flags of `ring` that this class does not know what to do with. liburing adds some of its
  // own to what libfuse asks for, and the liburing of the machine may be newer than the one this
  // was built with.
  static unsigned unknown_setup(const io_uring& ring);
  // The ring whose thread this is; nullptr on any other thread.
  static Ring* of_this_thread();

  // For the ring's own thread: hands over what was filled in, then waits for a completion.
  // 0, or a negative errno as io_uring_enter(2); EINTR and a part handed over are no matter,
  // because libfuse calls again and again. With `wait` false it comes back at once.
  int submit(bool wait) EXCLUDES(mutex_);

  // For its own thread: libfuse is about to handle a request of its.
  void note_taken(fuse_req* request, const fuse_in_header* header) {
    memory_.note_taken(request, header);
  }
  // On whichever thread fills the answer in, while it does.
  void note_answered(fuse_req* request) { memory_.note_answered(request); }

  // For other threads: around filling in.
  void begin_reply() ACQUIRE(mutex_) { mutex_.lock(); }
  void end_reply() RELEASE(mutex_);

  // Requests of this ring that are parked, each of which keeps an entry.
  void count_parked();
  void count_answered() { parked_.fetch_sub(1, std::memory_order_relaxed); }

 private:
  friend class RingSet;
  int register_entries();
  // How many entries the kernel has not taken.
  unsigned hand_over() REQUIRES(mutex_);
  void look_at_memory() EXCLUDES(mutex_);
  bool wake() const;  // false: try again

  io_uring& ring_;
  Taker taker_;
  // Guards the filled part of ring_'s submission queue. Taken before libfuse's lock of the queue by
  // repliers; libfuse's is never held where the ring's thread takes this one.
  base::Mutex mutex_;
  std::atomic<bool> sleeping_ = false;  // its thread may be waiting for a completion
  std::atomic<unsigned> parked_ = 0;
  RingMemory memory_;     // changed by its thread, or with the mutex
  unsigned entries_ = 0;  // requests that it can hold; set by its thread before it takes any
};

// Held while a reply is sent. On a ring's own thread, and without a ring, it does nothing.
class RingReply {
 public:
  RingReply(Ring* ring, fuse_req* request);
  ~RingReply();
  RingReply(const RingReply&) = delete;
  RingReply& operator=(const RingReply&) = delete;

 private:
  Ring* const ring_;
};

// Held while a request of this ring is parked. `ring` may be nullptr.
class ParkedPlace {
 public:
  explicit ParkedPlace(Ring* ring) : ring_(ring) {
    if (ring_ != nullptr) ring_->count_parked();
  }
  ~ParkedPlace() {
    if (ring_ != nullptr) ring_->count_answered();
  }
  ParkedPlace(const ParkedPlace&) = delete;
  ParkedPlace& operator=(const ParkedPlace&) = delete;

 private:
  Ring* const ring_;
};

// All rings of the process. libfuse tells a ring's thread nothing of its session, so one session at
// a time may use io_uring.
class RingSet {
 public:
  // False where the rings are another session's. Throws bad_alloc.
  static bool claim();
  // Waits until `count` rings have registered their entries with the kernel, or the mount has
  // ended. What is missing, when the kernel refused one, or `timeout` has passed; `started` then
  // says how many there are.
  static base::Result<void, base::Failure> wait_for(unsigned count, std::chrono::seconds timeout,
                                                    unsigned& started);
  // Waits until each ring's thread was idle once: then every request that had been sent at the time
  // of the call is handled or parked. False where that is not seen by `deadline`, or where a ring
  // is full of parked requests, so that more may wait in the kernel.
  static bool were_idle_by(std::chrono::steady_clock::time_point deadline);
  // Ends the claim. Their threads have ended and nothing of theirs is parked.
  static void forget();

 private:
  friend class Ring;
  static Ring* add(io_uring& ring);
  static void report(int error);
};

}  // namespace scratchfs::kernel

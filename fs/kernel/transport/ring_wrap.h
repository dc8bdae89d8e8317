// Makes replies from other threads safe with FUSE over io_uring, which libfuse 3.18 does not.
//
// In libfuse 3.18 a ring's thread submits the queue without the lock under which other threads fill
// it, so replies get lost. The linker (--wrap) redirects io_uring_submit_and_wait() and
// io_uring_submit() to this file: each ring's queue is filled and submitted under one mutex, and
// only the ring's own thread submits. docs/transport.md explains why a replier must not submit.
// Further wrappers, at the end of ring_wrap.cc, note each request's id and memory, and correct how
// libfuse sets rings up.
// With libfuse 3.19 or newer nothing is wrapped and no Ring exists.
#pragma once

#include <atomic>
#include <chrono>
#include <optional>
#include <vector>

#include "fs/base/mutex.h"
#include "fs/base/result.h"
#include "fs/kernel/transport/request_thread.h"
#include "fs/kernel/transport/ring_memory.h"

struct io_uring;

namespace scratchfs::kernel {

// One of libfuse's rings. Created when its thread first submits; lives until RingSet::forget().
class Ring {
 public:
  explicit Ring(io_uring& ring) : ring_(ring) {}

  // Registers the calling thread, libfuse's thread of `ring`, as the ring's own.
  static Ring* start(io_uring& ring);
  // Returns the flags of `ring` that this class does not support. liburing adds flags to those
  // libfuse requests, and the installed liburing may be newer than the one at build time.
  static unsigned unknown_setup(const io_uring& ring);
  // Returns the ring whose thread is calling; nullptr on any other thread.
  static Ring* of_this_thread();

  // Submits what was filled in and, with `wait`, waits for a completion. For the ring's own thread.
  // Returns what io_uring_enter(2) returns, or a negative errno. EINTR and partial submission are
  // harmless, because libfuse calls again.
  int submit(bool wait) EXCLUDES(mutex_);

  // Notes that libfuse is about to handle a request. For the ring's own thread.
  void note_taken(fuse_req* request, const fuse_in_header* header) {
    memory_.note_taken(request, header);
  }
  // Notes that the reply is being filled in. For the thread that does so.
  void note_answered(fuse_req* request) { memory_.note_answered(request); }

  // Bracket the filling in of a reply by another thread.
  void begin_reply() ACQUIRE(mutex_) { mutex_.lock(); }
  void end_reply() RELEASE(mutex_);

  // Count the parked requests of this ring; each occupies an entry.
  void count_parked();
  void count_answered() { parked_.fetch_sub(1, std::memory_order_relaxed); }

 private:
  friend class RingSet;
  int register_entries();
  // Returns how many entries the kernel has not taken.
  unsigned hand_over() REQUIRES(mutex_);
  void look_at_memory() EXCLUDES(mutex_);
  bool wake() const;  // false: try again

  io_uring& ring_;
  RequestThread request_thread_;
  // Guards the filled part of ring_'s submission queue. Repliers lock it before libfuse's queue
  // lock; the ring's thread never holds libfuse's lock when it locks this one.
  base::Mutex mutex_;
  // Whether a replier must wake the ring's thread. Set under the mutex as the queue is published,
  // so a replier whose entry comes later sees it. Cleared without the mutex by the thread itself,
  // which publishes again before it sleeps, or by the replier that wakes it. Set in vain it costs
  // one wake-up.
  std::atomic<bool> sleeping_ = false;
  std::atomic<unsigned> parked_ = 0;
  RingMemory memory_;  // changed by the ring's thread, or under the mutex
  // Capacity in requests; set by the ring's thread before it takes the first one.
  unsigned entries_ = 0;
};

// Held while a reply is sent: locks the ring's queue. On the ring's own thread, or without a ring,
// it takes no lock.
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

// All rings of the process. libfuse does not tell a ring's thread which session it serves, so only
// one session at a time may use io_uring.
class RingSet {
 public:
  // Claims the rings; false if another session holds them. Throws bad_alloc.
  static bool claim();
  // Waits until `count` rings have registered their entries with the kernel, or the mount has
  // ended. Fails if the kernel refuses a ring or `timeout` passes. Sets `started` to the number of
  // registered rings.
  static base::Result<void, base::Failure> wait_for(unsigned count, std::chrono::seconds timeout,
                                                    unsigned& started);
  // Waits until each ring's thread has been seen idle once. Then every request sent before the call
  // has been handled or parked. Returns false after `deadline`, or if a ring is full of parked
  // requests, because further requests may then wait in the kernel.
  static bool were_idle_by(std::chrono::steady_clock::time_point deadline);
  // Ends the claim. REQUIRES: the rings' threads have ended and none of their requests is parked.
  static void forget();

 private:
  friend class Ring;
  static Ring* add(io_uring& ring);
  static void report(int error);

  inline static base::Mutex mutex_{base::Rank::leaf};
  inline static base::Condition changed_;
  inline static bool claimed_ GUARDED_BY(mutex_) = false;
  // Allocated by claim(), because a ring's thread cannot report a lack of memory.
  inline static std::vector<std::optional<Ring>> places_ GUARDED_BY(mutex_);
  inline static std::size_t taken_ GUARDED_BY(mutex_) = 0;  // places
  inline static unsigned started_ GUARDED_BY(mutex_) = 0;
  inline static int error_ GUARDED_BY(mutex_) = 0;
};

}  // namespace scratchfs::kernel

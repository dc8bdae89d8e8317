// FUSE over io_uring with replies from other threads: what libfuse 3.18 lacks for it.
// docs/transport.md tells why.
#pragma once

#include <atomic>
#include <cstdint>

namespace scratchfs::kernel {

// One of libfuse's rings, made when its thread first submits.
class Ring;

// The ring whose thread this is; nullptr on any other thread.
Ring* ring_of_this_thread();

// Held while a reply is sent. On a ring's own thread, and without a ring, it does nothing.
class RingReply {
 public:
  explicit RingReply(Ring* ring);
  ~RingReply();
  RingReply(const RingReply&) = delete;
  RingReply& operator=(const RingReply&) = delete;

 private:
  Ring* ring_;
};

// Held while a request of this ring is parked, and so keeps one of its entries.
class ParkedPlace {
 public:
  explicit ParkedPlace(Ring* ring);
  ~ParkedPlace();
  ParkedPlace(const ParkedPlace&) = delete;
  ParkedPlace& operator=(const ParkedPlace&) = delete;

 private:
  Ring* ring_;
};

}  // namespace scratchfs::kernel

// A request of the kernel's that must be answered exactly once.
#pragma once

#include <chrono>
#include <cstddef>
#include <span>
#include <utility>
#include <variant>

#include "fs/base/result.h"
#include "fs/kernel/metrics/opcode.h"
#include "fs/kernel/transport/fuse.h"
#include "fs/kernel/transport/replies.h"
#include "fs/kernel/transport/ring_wrap.h"
#include "fs/tree/types.h"

namespace scratchfs::kernel {

// Made in the handler that libfuse calls; may be moved to another thread and answered there. Used
// by one thread at a time. Destroyed unanswered it answers EIO and logs an error. No lock of the
// tree may be held while answering: the kernel acts on an answer at once, and so may its next
// request.
class Request {
 public:
  Request(fuse_req_t raw, Opcode opcode, tree::InodeId inode);
  Request(Request&& other) noexcept;
  Request& operator=(Request&&) = delete;
  ~Request();

  tree::Caller caller() const;
  // libfuse's own handle, for fuse_add_direntry and the like; nullptr once answered.
  fuse_req_t raw() const { return raw_; }
  // The kernel's number of it, by which it is interrupted; 0: not known.
  std::uint64_t number() const { return number_; }
  Opcode opcode() const { return opcode_; }
  tree::InodeId inode() const { return inode_; }
  // From now on it is answered by another thread; for the log.
  void note_parked() { parked_ = true; }
  // Since it was made.
  std::chrono::nanoseconds age() const { return std::chrono::steady_clock::now() - started_; }
  // The ring whose entry it occupies; nullptr when it came through /dev/fuse.
  Ring* ring() const { return ring_; }

  // Memory of `size` bytes to build a reply in: the ring entry's own payload, so that the reply is
  // not copied again, else a buffer of the calling thread's. Good until the reply, on the thread
  // that asked for it: a parked operation asks again. On a ring it overwrites what the kernel sent
  // (names, data): look at those first, and do not touch it before it is certain that the operation
  // will not have to park. `size` at most 1 MiB (max_write) on a ring. Throws bad_alloc.
  std::span<std::byte> reply_buffer(std::size_t size);

  // Sends the reply. Where the kernel did not take it, the reply's undo runs, on this thread, after
  // this.
  template <typename Reply>
  void answer(const Reply& reply) {
    const int failed = finish(0, [&](fuse_req_t raw) { return send(raw, reply); });
    if (failed != 0) undo(reply);
  }
  template <typename... Replies>
  void answer(const std::variant<Replies...>& reply) {
    std::visit([this](const auto& chosen) { this->answer(chosen); }, reply);
  }
  void answer(base::Errno error);
  void answer(const NoReply&);

 private:
  // Each returns 0, or a negative errno where the kernel did not take it.
  static int send(fuse_req_t raw, const Done& reply);
  static int send(fuse_req_t raw, const IoctlDone& reply);
  static int send(fuse_req_t raw, const Entry& reply);
  static int send(fuse_req_t raw, const Created& reply);
  static int send(fuse_req_t raw, const Opened& reply);
  static int send(fuse_req_t raw, const Attr& reply);
  static int send(fuse_req_t raw, const StatxAttr& reply);
  static int send(fuse_req_t raw, const Written& reply);
  static int send(fuse_req_t raw, const Bytes& reply);
  static int send(fuse_req_t raw, const Text& reply);
  static int send(fuse_req_t raw, const XattrSize& reply);
  static int send(fuse_req_t raw, const Statfs& reply);
  static int send(fuse_req_t raw, const Offset& reply);
  static int send(fuse_req_t raw, const Directory& reply);

  template <typename Reply>
  static void undo(const Reply& reply) {
    if constexpr (requires { reply.undo; }) reply.undo.run();
  }
  static void undo(const Directory& reply);

  template <typename Send>
  int finish(int error, Send send) {
    log_result(error);
    const fuse_req_t raw = std::exchange(raw_, nullptr);
    const RingReply reply(ring_, raw);
    return send(raw);
  }
  void log_result(int error) const;

  fuse_req_t raw_;
  std::uint64_t number_;
  Ring* ring_;
  Opcode opcode_;
  bool parked_ = false;
  tree::InodeId inode_;
  std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
};

}  // namespace scratchfs::kernel

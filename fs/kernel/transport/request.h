// A request from the kernel, which must be answered exactly once.
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

// Created in the handler that libfuse calls; may be moved to another thread and answered there.
// Used by one thread at a time. If it is destroyed unanswered, it replies EIO and logs an error.
// REQUIRES: no lock of the tree is held while answering, because the kernel acts on a reply at once
// and its next request may need that lock.
class Request {
 public:
  Request(fuse_req_t raw, Opcode opcode, tree::InodeId inode);
  Request(Request&& other) noexcept;
  Request& operator=(Request&&) = delete;
  ~Request();

  tree::Caller caller() const;
  // libfuse's handle, for fuse_add_direntry and similar calls; nullptr once answered.
  fuse_req_t raw() const { return raw_; }
  // The kernel's id of the request, used to interrupt it; 0: unknown.
  std::uint64_t request_id() const { return request_id_; }
  Opcode opcode() const { return opcode_; }
  tree::InodeId inode() const { return inode_; }
  // Notes, for the log, that another thread answers the request.
  void note_parked() { parked_ = true; }
  // Time since construction.
  std::chrono::nanoseconds age() const { return std::chrono::steady_clock::now() - started_; }
  // The ring whose entry the request occupies; nullptr if it came through /dev/fuse.
  Ring* ring() const { return ring_; }

  // Returns `size` bytes to build a reply in: the ring entry's payload, which saves a copy, or else
  // the calling thread's buffer. Valid until the reply, on the calling thread only; a parked
  // operation must call this again. On a ring the buffer overlays the request's own data (names,
  // data to write): read that first, and do not write to the buffer while the operation may still
  // have to park. On a ring `size` is at most 1 MiB (max_write). Throws bad_alloc.
  std::span<std::byte> reply_buffer(std::size_t size);

  // Sends a reply, one of several, an error, or whichever a result holds. If the kernel does not
  // take a reply, its undo runs afterwards on this thread.
  template <typename Reply>
  void answer(const Reply& reply) {
    const int failed = finish(0, [&](fuse_req_t raw) { return reply.send(raw); });
    if (failed != 0) undo(reply);
  }
  template <typename... Replies>
  void answer(const std::variant<Replies...>& reply) {
    std::visit([this](const auto& chosen) { this->answer(chosen); }, reply);
  }
  template <typename Reply>
  void answer(const base::Result<Reply>& result) {
    return result ? answer(*result) : answer(result.error());
  }
  void answer(base::Errno error);

 private:
  template <typename Reply>
  static void undo(const Reply& reply) {
    if constexpr (requires { reply.undo; }) reply.undo.run();
  }
  static void undo(const DirectoryReply& reply);

  template <typename Send>
  int finish(int error, Send send) {
    log_result(error);
    const fuse_req_t raw = std::exchange(raw_, nullptr);
    const RingReply reply(ring_, raw);
    return send(raw);
  }
  void log_result(int error) const;

  fuse_req_t raw_;
  std::uint64_t request_id_;
  Ring* ring_;
  Opcode opcode_;
  bool parked_ = false;
  tree::InodeId inode_;
  std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
};

}  // namespace scratchfs::kernel

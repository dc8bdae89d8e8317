#include "fs/kernel/transport/request.h"

#include <cstring>
#include <utility>

#include "fs/base/log.h"
#include "fs/kernel/transport/reply_memory.h"
#include "fs/kernel/transport/request_id.h"

namespace scratchfs::kernel {

Request::Request(fuse_req_t raw, Opcode opcode, tree::InodeId inode)
    : raw_(raw),
      request_id_(current_request_id()),
      ring_(fuse_req_is_uring(raw) ? Ring::of_this_thread() : nullptr),
      opcode_(opcode),
      inode_(inode) {}

Request::Request(Request&& other) noexcept
    : raw_(std::exchange(other.raw_, nullptr)),
      request_id_(other.request_id_),
      ring_(other.ring_),
      opcode_(other.opcode_),
      parked_(other.parked_),
      inode_(other.inode_),
      started_(other.started_) {}

Request::~Request() {
  if (raw_ == nullptr) return;
  log::error("{} of inode {} was never answered", name_of(opcode_), inode_);
  answer(base::Errno(EIO));
}

tree::Caller Request::caller() const {
  const fuse_ctx& context = *fuse_req_ctx(raw_);
  return {.uid = context.uid, .gid = context.gid, .pid = context.pid, .umask = context.umask};
}

std::span<std::byte> Request::reply_buffer(std::size_t size) {
  if (!fuse_req_is_uring(raw_)) return thread_buffer(size);
  char* payload = nullptr;
  std::size_t room = 0;
  if (fuse_req_get_payload(raw_, &payload, &room, nullptr) != 0 || room < size) {
    return thread_buffer(size);
  }
  return {reinterpret_cast<std::byte*>(payload), size};
}

void Request::answer(base::Errno error) {
  finish(error.value(), [&](fuse_req_t raw) { return fuse_reply_err(raw, error.value()); });
}

void Request::undo(const DirectoryReply& reply) {
  Undo undo = reply.undo;
  for (const tree::InodeId inode : reply.looked_up) {
    undo.inode = inode;
    undo.run();
  }
}

void Request::log_result(int error) const {
  if (!log::is_on(log::Level::debug)) return;
  log::debug("{} inode {} pid {}: {} in {} us{}", name_of(opcode_), inode_, fuse_req_ctx(raw_)->pid,
             error == 0 ? "ok" : strerrorname_np(error),
             std::chrono::duration_cast<std::chrono::microseconds>(age()).count(),
             parked_ ? ", parked" : "");
}

}  // namespace scratchfs::kernel

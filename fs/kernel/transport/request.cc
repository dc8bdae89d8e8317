#include "fs/kernel/transport/request.h"

#include <spdlog/spdlog.h>

#include <cassert>
#include <cstring>
#include <utility>

#include "fs/kernel/transport/reply_memory.h"
#include "fs/kernel/transport/request_id.h"

namespace scratchfs::kernel {

namespace {

const char* as_chars(const std::byte* bytes) { return reinterpret_cast<const char*>(bytes); }

}  // namespace

Request::Request(fuse_req_t raw, Opcode opcode, tree::InodeId inode)
    : raw_(raw),
      number_(current_number()),
      ring_(fuse_req_is_uring(raw) ? Ring::of_this_thread() : nullptr),
      opcode_(opcode),
      inode_(inode) {}

Request::Request(Request&& other) noexcept
    : raw_(std::exchange(other.raw_, nullptr)),
      number_(other.number_),
      ring_(other.ring_),
      opcode_(other.opcode_),
      parked_(other.parked_),
      inode_(other.inode_),
      started_(other.started_) {}

Request::~Request() {
  if (raw_ == nullptr) return;
  spdlog::error("{} of inode {} was never answered", name_of(opcode_), inode_);
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

void Request::answer(const NoReply& /*reply*/) {
  finish(0, [](fuse_req_t raw) {
    fuse_reply_none(raw);
    return 0;
  });
}

int Request::send(fuse_req_t raw, const Done& /*reply*/) { return fuse_reply_err(raw, 0); }
int Request::send(fuse_req_t raw, const IoctlDone& /*reply*/) {
  return fuse_reply_ioctl(raw, 0, nullptr, 0);
}
int Request::send(fuse_req_t raw, const EntryReply& reply) {
  return fuse_reply_entry(raw, &reply.entry);
}
int Request::send(fuse_req_t raw, const CreatedReply& reply) {
  return fuse_reply_create(raw, &reply.entry, &reply.file);
}
int Request::send(fuse_req_t raw, const OpenedReply& reply) {
  return fuse_reply_open(raw, &reply.file);
}
int Request::send(fuse_req_t raw, const Attr& reply) {
  return fuse_reply_attr(raw, &reply.stat, reply.timeout);
}
int Request::send(fuse_req_t raw, const StatxAttr& reply) {
  struct statx copy = reply.statx;  // libfuse takes a non-const pointer
  return fuse_reply_statx(raw, 0, &copy, reply.timeout);
}
int Request::send(fuse_req_t raw, const Written& reply) {
  return fuse_reply_write(raw, reply.count);
}
int Request::send(fuse_req_t raw, const Bytes& reply) {
  return fuse_reply_buf(raw, as_chars(reply.bytes.data()), reply.bytes.size());
}
int Request::send(fuse_req_t raw, const Text& reply) {
  return fuse_reply_buf(raw, reply.text.data(), reply.text.size());
}
int Request::send(fuse_req_t raw, const XattrSize& reply) {
  return fuse_reply_xattr(raw, reply.size);
}
int Request::send(fuse_req_t raw, const Statfs& reply) {
  return fuse_reply_statfs(raw, &reply.statvfs);
}
int Request::send(fuse_req_t raw, const Offset& reply) {
  return fuse_reply_lseek(raw, reply.offset);
}
int Request::send(fuse_req_t raw, const DirectoryReply& reply) {
  return fuse_reply_buf(raw, as_chars(reply.entries.data()), reply.entries.size());
}

void Request::undo(const DirectoryReply& reply) {
  Undo undo = reply.undo;
  for (const tree::InodeId inode : reply.looked_up) {
    undo.inode = inode;
    undo.run();
  }
}

void Request::log_result(int error) const {
  if (!spdlog::should_log(spdlog::level::debug)) return;
  spdlog::debug("{} inode {} pid {}: {} in {} us{}", name_of(opcode_), inode_,
                fuse_req_ctx(raw_)->pid, error == 0 ? "ok" : strerrorname_np(error),
                std::chrono::duration_cast<std::chrono::microseconds>(age()).count(),
                parked_ ? ", parked" : "");
}

}  // namespace scratchfs::kernel

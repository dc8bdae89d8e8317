#include "fs/kernel/transport/request_id.h"

#include <linux/fuse.h>

#include <cstring>

namespace scratchfs::kernel {

namespace {

thread_local std::uint64_t current_id = 0;

}  // namespace

std::uint64_t current_request_id() { return current_id; }

CurrentRequestId::CurrentRequestId(std::uint64_t id) { current_id = id; }
CurrentRequestId::~CurrentRequestId() { current_id = 0; }

RequestIds request_ids_of(std::span<const std::byte> request) {
  fuse_in_header header{};
  if (request.size() < sizeof header) return {};
  std::memcpy(&header, request.data(), sizeof header);
  RequestIds ids{.id = header.unique, .interrupts = {}};
  fuse_interrupt_in body{};
  if (header.opcode == FUSE_INTERRUPT && request.size() >= sizeof header + sizeof body) {
    std::memcpy(&body, request.data() + sizeof header, sizeof body);
    ids.interrupts = body.unique;
  }
  return ids;
}

}  // namespace scratchfs::kernel

#include "fs/kernel/transport/request_id.h"

#include <linux/fuse.h>

#include <cstring>

namespace scratchfs::kernel {

namespace {

thread_local std::uint64_t number_now = 0;

}  // namespace

std::uint64_t current_number() { return number_now; }

CurrentRequestId::CurrentRequestId(std::uint64_t number) { number_now = number; }
CurrentRequestId::~CurrentRequestId() { number_now = 0; }

RequestId request_id_of(std::span<const std::byte> request) {
  fuse_in_header header{};
  if (request.size() < sizeof header) return {};
  std::memcpy(&header, request.data(), sizeof header);
  RequestId id{.number = header.unique, .interrupts = {}};
  fuse_interrupt_in body{};
  if (header.opcode == FUSE_INTERRUPT && request.size() >= sizeof header + sizeof body) {
    std::memcpy(&body, request.data() + sizeof header, sizeof body);
    id.interrupts = body.unique;
  }
  return id;
}

}  // namespace scratchfs::kernel

#include "fs/lifetime/bound_sockets.h"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <span>

#include "fs/base/descriptor.h"

namespace scratchfs::lifetime {

namespace {

// Encodes a device number as the kernel does internally (include/linux/kdev_t.h).
std::uint32_t kernel_number(dev_t device) {
  constexpr unsigned kMinorBits = 20;
  return gnu_dev_major(device) << kMinorBits | gnu_dev_minor(device);
}

base::Result<void> ask_for_all(const base::Descriptor& netlink) {
  struct {
    nlmsghdr header;
    unix_diag_req request;
  } message{};
  message.header.nlmsg_len = sizeof message;
  message.header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
  message.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  message.request.sdiag_family = AF_UNIX;
  message.request.udiag_states = ~0U;
  message.request.udiag_show = UDIAG_SHOW_VFS;
  if (send(netlink.get(), &message, sizeof message, 0) < 0) return base::Errno(errno);
  return {};
}

// Receives one datagram; returns 0 at the end of the stream.
base::Result<std::size_t> receive(const base::Descriptor& netlink, std::span<char> buffer) {
  ssize_t got = 0;
  do {
    got = recv(netlink.get(), buffer.data(), buffer.size(), 0);
  } while (got < 0 && errno == EINTR);
  if (got < 0) return base::Errno(errno);
  return static_cast<std::size_t>(got);
}

std::optional<unix_diag_vfs> file_of(const nlmsghdr& header) {
  if (header.nlmsg_len < NLMSG_LENGTH(sizeof(unix_diag_msg))) return std::nullopt;
  const char* at = reinterpret_cast<const char*>(&header) + NLMSG_SPACE(sizeof(unix_diag_msg));
  std::size_t left = header.nlmsg_len - NLMSG_SPACE(sizeof(unix_diag_msg));
  if (header.nlmsg_len < NLMSG_SPACE(sizeof(unix_diag_msg))) return std::nullopt;
  while (left >= sizeof(rtattr)) {
    rtattr attribute{};
    std::memcpy(&attribute, at, sizeof attribute);
    if (attribute.rta_len < sizeof attribute || attribute.rta_len > left) return std::nullopt;
    if (attribute.rta_type == UNIX_DIAG_VFS &&
        attribute.rta_len >= RTA_LENGTH(sizeof(unix_diag_vfs))) {
      unix_diag_vfs file{};
      std::memcpy(&file, at + RTA_LENGTH(0), sizeof file);
      return file;
    }
    const std::size_t step = RTA_ALIGN(attribute.rta_len);
    if (step >= left) return std::nullopt;
    at += step;
    left -= step;
  }
  return std::nullopt;
}

// Adds the sockets of one datagram to `found`. Returns true after the last datagram.
base::Result<bool> take_in(const char* data, std::size_t size, std::uint32_t device,
                           BoundInodes& found) {
  while (size >= sizeof(nlmsghdr)) {
    // netlink(7): messages are aligned, and so is the buffer.
    const auto* header = reinterpret_cast<const nlmsghdr*>(data);
    if (header->nlmsg_len < sizeof *header || header->nlmsg_len > size) return base::Errno(EPROTO);
    if (header->nlmsg_type == NLMSG_DONE) return true;
    if (header->nlmsg_type == NLMSG_ERROR) {
      nlmsgerr error{};
      if (header->nlmsg_len < NLMSG_LENGTH(sizeof error)) return base::Errno(EPROTO);
      std::memcpy(&error, data + NLMSG_HDRLEN, sizeof error);
      return base::Errno(error.error < 0 ? -error.error : EPROTO);
    }
    const auto file = file_of(*header);
    if (file && file->udiag_vfs_dev == device) found.insert(file->udiag_vfs_ino);
    const std::size_t step = NLMSG_ALIGN(header->nlmsg_len);
    if (step >= size) break;
    data += step;
    size -= step;
  }
  return false;
}

}  // namespace

base::Result<BoundInodes> bound_sockets(dev_t device) {
  const base::Descriptor netlink(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG));
  if (const auto asked = ask_for_all(netlink); !asked)
    return asked.is(base::Errno(ENOENT)) ? base::Errno(EOPNOTSUPP) : asked.error();
  BoundInodes found;
  alignas(nlmsghdr) std::array<char, 32768> buffer{};
  while (true) {
    const auto got = receive(netlink, buffer);
    if (!got) return got.error();
    const auto done = take_in(buffer.data(), *got, kernel_number(device), found);
    if (!done) return done.is(base::Errno(ENOENT)) ? base::Errno(EOPNOTSUPP) : done.error();
    if (*done || *got == 0) return found;
  }
}

}  // namespace scratchfs::lifetime

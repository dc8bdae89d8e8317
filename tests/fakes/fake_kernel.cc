#include "tests/fakes/fake_kernel.h"

#include <fcntl.h>
#include <linux/fuse.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <utility>

namespace scratchfs::test {

namespace {

template <typename T>
std::span<const std::byte> bytes_of(const T& object) {
  return std::as_bytes(std::span(&object, 1));
}

std::vector<std::byte> joined(std::span<const std::byte> first, const std::string& second) {
  std::vector<std::byte> all(first.begin(), first.end());
  const auto bytes = std::as_bytes(std::span(second));
  all.insert(all.end(), bytes.begin(), bytes.end());
  return all;
}

}  // namespace

std::string Message::text() const {
  return {reinterpret_cast<const char*>(body.data()), body.size()};
}

FakeKernel::FakeKernel(const fuse_lowlevel_ops& operations, void* userdata) {
  std::string name = "test";
  char* argv[] = {name.data()};
  fuse_args args = FUSE_ARGS_INIT(1, argv);
  session_ = fuse_session_new(&args, &operations, sizeof operations, userdata);
  fuse_opt_free_args(&args);
  int ends[2];
  if (session_ == nullptr || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
    throw std::runtime_error("no fake kernel to be had");
  }
  ours_ = ends[0];
  theirs_ = ends[1];
  full_ = open("/dev/full", O_RDWR | O_CLOEXEC);
  device_ = dup(theirs_);
  // To libfuse this is a mount made by someone else: it gets only the descriptor.
  const std::string place = "/dev/fd/" + std::to_string(device_);
  if (fuse_session_mount(session_, place.c_str()) != 0) {
    throw std::runtime_error("libfuse does not take the fake kernel");
  }
}

FakeKernel::~FakeKernel() {
  fuse_session_destroy(session_);  // closes device_
  close(ours_);
  close(theirs_);
  close(full_);
}

void FakeKernel::initialize() {
  fuse_init_in init{};
  init.major = FUSE_KERNEL_VERSION;
  init.minor = 45;  // newer than the headers of Debian 12
  init.max_readahead = 128 * 1024;
  init.flags = ~0U;
  init.flags2 = ~0U;
  send(FUSE_INIT, 0, bytes_of(init));
  const Message message = await(1)[0];
  fuse_init_out answer{};
  std::memcpy(&answer, message.body.data(), std::min(sizeof answer, message.body.size()));
  const base::Lock lock(mutex_);
  messages_.clear();
  flags_ = answer.flags | (std::uint64_t{answer.flags2} << 32U);
  max_write_ = answer.max_write;
}

std::uint64_t FakeKernel::send(std::uint32_t opcode, std::uint64_t inode,
                               std::span<const std::byte> body) {
  fuse_in_header header{};
  header.len = static_cast<std::uint32_t>(sizeof header + body.size());
  header.opcode = opcode;
  header.unique = next_unique_;
  next_unique_ += 2;
  header.nodeid = inode;
  header.uid = uid_;
  header.gid = gid_;
  header.pid = static_cast<std::uint32_t>(pid_);
  std::vector<std::byte> packet(header.len);
  std::memcpy(packet.data(), &header, sizeof header);
  std::copy(body.begin(), body.end(), packet.begin() + sizeof header);
  fuse_buf buffer{};
  buffer.mem = packet.data();
  buffer.size = packet.size();
  fuse_session_process_buf(session_, &buffer);
  // A real reader would now reuse the buffer for the next request.
  std::fill(packet.begin(), packet.end(), std::byte{0xEE});
  return header.unique;
}

void FakeKernel::become(uid_t uid, gid_t gid, pid_t pid) {
  uid_ = uid;
  gid_ = gid;
  pid_ = pid;
}

std::uint64_t FakeKernel::lookup(std::uint64_t parent, const std::string& name) {
  return send(FUSE_LOOKUP, parent, joined({}, name + '\0'));
}

std::uint64_t FakeKernel::read(std::uint64_t inode, std::uint32_t size) {
  fuse_read_in in{};
  in.size = size;
  return send(FUSE_READ, inode, bytes_of(in));
}

std::uint64_t FakeKernel::write(std::uint64_t inode, const std::string& data) {
  fuse_write_in in{};
  in.size = static_cast<std::uint32_t>(data.size());
  return send(FUSE_WRITE, inode, joined(bytes_of(in), data));
}

std::uint64_t FakeKernel::forget(std::uint64_t inode, std::uint64_t count) {
  fuse_forget_in in{};
  in.nlookup = count;
  return send(FUSE_FORGET, inode, bytes_of(in));
}

void FakeKernel::set_deaf(bool deaf) { dup2(deaf ? full_ : theirs_, device_); }

std::vector<Message> FakeKernel::messages() {
  const base::Lock lock(mutex_);
  receive();
  return messages_;
}

std::vector<Message> FakeKernel::take() {
  const base::Lock lock(mutex_);
  receive();
  return std::exchange(messages_, {});
}

std::vector<Message> FakeKernel::await(std::size_t count) {
  std::vector<Message> all = messages();
  while (all.size() < count) {
    pollfd socket{.fd = ours_, .events = POLLIN, .revents = 0};
    poll(&socket, 1, -1);
    all = messages();
  }
  return all;
}

void FakeKernel::receive() {
  while (true) {
    const ssize_t size = recv(ours_, nullptr, 0, MSG_PEEK | MSG_TRUNC | MSG_DONTWAIT);
    if (size < static_cast<ssize_t>(sizeof(fuse_out_header))) return;
    std::vector<std::byte> packet(static_cast<std::size_t>(size));
    recv(ours_, packet.data(), packet.size(), MSG_DONTWAIT);
    fuse_out_header header{};
    std::memcpy(&header, packet.data(), sizeof header);
    messages_.push_back(
        {header.unique, header.error, {packet.begin() + sizeof header, packet.end()}});
  }
}

}  // namespace scratchfs::test

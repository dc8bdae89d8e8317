#include "fs/mounts/fusermount.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include "fs/base/child_process.h"

namespace scratchfs::mounts {

namespace {

constexpr const char* kHelper = "fusermount3";
// Where the helper finds its end of the socket that it sends the descriptor through.
constexpr int kHelperSocket = 3;
constexpr const char* kHelperSocketName = "_FUSE_COMMFD";

// A pair of descriptors, closed on exec, each until it is taken or closed.
struct Pair {
  std::array<int, 2> ends{-1, -1};
  ~Pair() {
    close_end(0);
    close_end(1);
  }
  void close_end(std::size_t end) {
    if (ends[end] >= 0) close(std::exchange(ends[end], -1));
  }
};

std::vector<std::string> environment_with(int socket) {
  std::vector<std::string> environment;
  const std::string name = std::string(kHelperSocketName) + "=";
  for (char** variable = environ; *variable != nullptr; ++variable) {
    if (!std::string_view(*variable).starts_with(name)) environment.emplace_back(*variable);
  }
  if (socket >= 0) environment.push_back(name + std::to_string(kHelperSocket));
  return environment;
}

std::vector<char*> pointers(std::vector<std::string>& strings) {
  std::vector<char*> result;
  result.reserve(strings.size() + 1);
  for (std::string& text : strings) result.push_back(text.data());
  result.push_back(nullptr);
  return result;
}

// Starts the helper with no signal blocked or ignored, its stderr at `errors` and, unless it is -1,
// `socket` where it looks for one. An errno, or 0.
int start(std::vector<std::string> arguments, int socket, int errors, pid_t& child) {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_init(&actions);
  posix_spawnattr_init(&attributes);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, errors, STDERR_FILENO);
  if (socket >= 0) posix_spawn_file_actions_adddup2(&actions, socket, kHelperSocket);
  sigset_t none;
  sigset_t all;
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  std::vector<std::string> environment = environment_with(socket);
  const int error = posix_spawnp(&child, kHelper, &actions, &attributes, pointers(arguments).data(),
                                 pointers(environment).data());
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  return error;
}

base::Failure not_started(int error) {
  if (error == ENOENT) return base::Failure{"fusermount3 not found; install the package fuse3"};
  return base::Failure{fmt::format("{}: {}", kHelper, strerrordesc_np(error))};
}

// The descriptor that comes through `socket` (SCM_RIGHTS, unix(7)); -1: none came.
int receive_descriptor(int socket) {
  char byte = 0;
  iovec data{&byte, 1};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  ssize_t received = 0;
  do {
    received = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
  } while (received < 0 && errno == EINTR);
  const cmsghdr* header = received > 0 ? CMSG_FIRSTHDR(&message) : nullptr;
  if (header == nullptr || header->cmsg_type != SCM_RIGHTS) return -1;
  int descriptor = -1;
  memcpy(&descriptor, CMSG_DATA(header), sizeof descriptor);
  return descriptor;
}

std::string first_line(int descriptor) {
  std::string text;
  std::array<char, 512> buffer{};
  for (;;) {
    const ssize_t got = read(descriptor, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return text.substr(0, text.find('\n'));
    text.append(buffer.data(), static_cast<std::size_t>(got));
  }
}

}  // namespace

base::Result<int, base::Failure> mount_with_fusermount(const std::string& path,
                                                       const std::string& options) {
  Pair sockets;
  Pair errors;
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets.ends.data()) != 0 ||
      pipe2(errors.ends.data(), O_CLOEXEC) != 0) {
    return not_started(errno);
  }
  pid_t child = 0;
  const int error =
      start({kHelper, "-o", options, "--", path}, sockets.ends[1], errors.ends[1], child);
  if (error != 0) return not_started(error);
  sockets.close_end(1);
  errors.close_end(1);
  const int descriptor = receive_descriptor(sockets.ends[0]);
  const std::string said = first_line(errors.ends[0]);
  static_cast<void>(base::wait_for_end(child));  // what came through the socket tells how it went
  if (descriptor >= 0) return descriptor;
  return base::Failure{said.empty() ? fmt::format("{} gave no reason", kHelper) : said};
}

base::Result<void, base::Failure> unmount_with_fusermount(const std::string& path, bool lazily) {
  Pair errors;
  if (pipe2(errors.ends.data(), O_CLOEXEC) != 0) return not_started(errno);
  std::vector<std::string> arguments{kHelper, "-u"};
  if (lazily) arguments.emplace_back("-z");
  arguments.insert(arguments.end(), {"--", path});
  pid_t child = 0;
  if (const int error = start(std::move(arguments), -1, errors.ends[1], child); error != 0)
    return not_started(error);
  errors.close_end(1);
  const std::string said = first_line(errors.ends[0]);
  const auto status = base::wait_for_end(child);
  if (!status) return not_started(status.error().value());
  if (WIFEXITED(*status) && WEXITSTATUS(*status) == 0) return {};
  return base::Failure{fmt::format("{}: cannot be unmounted{}{}; to see who uses it: fuser -vm {}",
                                   path, said.empty() ? "" : ": ", said, path)};
}

}  // namespace scratchfs::mounts

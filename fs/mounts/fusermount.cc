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
#include "fs/base/read_all.h"

namespace scratchfs::mounts {

namespace {

constexpr const char* kHelper = "fusermount3";
// Where the helper finds its end of the socket that it sends the descriptor through.
constexpr int kHelperSocket = 3;
constexpr const char* kHelperSocketName = "_FUSE_COMMFD";

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

// Returns the descriptor that comes through `socket` (SCM_RIGHTS, unix(7)); an invalid one if none
// comes.
base::Descriptor receive_descriptor(const base::Descriptor& socket) {
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
    received = recvmsg(socket.get(), &message, MSG_CMSG_CLOEXEC);
  } while (received < 0 && errno == EINTR);
  const cmsghdr* header = received > 0 ? CMSG_FIRSTHDR(&message) : nullptr;
  if (header == nullptr || header->cmsg_type != SCM_RIGHTS) return {};
  int descriptor = -1;
  memcpy(&descriptor, CMSG_DATA(header), sizeof descriptor);
  return base::Descriptor(descriptor);
}

// Returns the first line of what the helper says until it has ended.
std::string first_line(const base::Descriptor& said) {
  constexpr std::size_t kMostSaid = 1 << 20;  // bytes
  const auto text = base::read_all(said, kMostSaid);
  return text ? text->substr(0, text->find('\n')) : std::string();
}

}  // namespace

base::Result<base::Descriptor, base::Failure> mount_with_fusermount(const std::string& path,
                                                                    const std::string& options) {
  auto sockets = base::socket_pair(SOCK_STREAM);
  if (!sockets) return not_started(sockets.error().value());
  auto errors = base::make_pipe();
  if (!errors) return not_started(errors.error().value());
  auto& [socket, helpers_socket] = *sockets;
  auto& [said, helpers_stderr] = *errors;
  pid_t child = 0;
  const int error = start({kHelper, "-o", options, "--", path}, helpers_socket.get(),
                          helpers_stderr.get(), child);
  if (error != 0) return not_started(error);
  helpers_socket = base::Descriptor();
  helpers_stderr = base::Descriptor();
  base::Descriptor device = receive_descriptor(socket);
  const std::string why = first_line(said);
  static_cast<void>(base::wait_for_end(child));  // what came through the socket tells how it went
  if (device.valid()) return device;
  return base::Failure{why.empty() ? fmt::format("{} gave no reason", kHelper) : why};
}

base::Result<void, base::Failure> unmount_with_fusermount(const std::string& path, bool lazily) {
  auto errors = base::make_pipe();
  if (!errors) return not_started(errors.error().value());
  auto& [said, helpers_stderr] = *errors;
  std::vector<std::string> arguments{kHelper, "-u"};
  if (lazily) arguments.emplace_back("-z");
  arguments.insert(arguments.end(), {"--", path});
  pid_t child = 0;
  if (const int error = start(std::move(arguments), -1, helpers_stderr.get(), child); error != 0)
    return not_started(error);
  helpers_stderr = base::Descriptor();
  const std::string why = first_line(said);
  const auto status = base::wait_for_end(child);
  if (!status) return not_started(status.error().value());
  if (WIFEXITED(*status) && WEXITSTATUS(*status) == 0) return {};
  return base::Failure{fmt::format("{}: cannot be unmounted{}{}; to see who uses it: fuser -vm {}",
                                   path, why.empty() ? "" : ": ", why, path)};
}

}  // namespace scratchfs::mounts

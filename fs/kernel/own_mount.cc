#include "fs/kernel/own_mount.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <fstream>
#include <iterator>
#include <utility>

namespace scratchfs::kernel {

namespace {

std::string read_mountinfo() {
  std::ifstream file("/proc/self/mountinfo", std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

// Splits off what stands before the next `delimiter`.
std::string_view next(std::string_view& text, char delimiter) {
  const std::size_t end = text.find(delimiter);
  const std::string_view field = text.substr(0, end);
  text.remove_prefix(end == text.npos ? text.size() : end + 1);
  return field;
}

// mountinfo writes blanks, tabs, newlines and backslashes as a backslash and three octal digits.
std::string unescaped(std::string_view field) {
  std::string plain;
  for (std::size_t i = 0; i < field.size(); ++i) {
    unsigned code = 0;
    if (field[i] == '\\' && i + 3 < field.size() &&
        std::from_chars(&field[i + 1], &field[i + 3] + 1, code, 8).ec == std::errc()) {
      plain += static_cast<char>(code);
      i += 3;
    } else {
      plain += field[i];
    }
  }
  return plain;
}

// 0, or the errno of what kept it from running; its own failure is EIO.
int run_fusermount(const std::string& path) {
  const char* const arguments[] = {"fusermount3", "-u", "-q", "-z", "--", path.c_str(), nullptr};
  pid_t pid = 0;
  const int error = posix_spawnp(&pid, arguments[0], nullptr, nullptr,
                                 const_cast<char* const*>(arguments), environ);
  if (error != 0) return error;
  int status = 0;
  while (waitpid(pid, &status, 0) < 0) {
    if (errno != EINTR) return errno;
  }
  return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : EIO;
}

}  // namespace

MountIdentity topmost_mount(std::string_view mountinfo, std::string_view path) {
  MountIdentity topmost;
  while (!mountinfo.empty()) {
    std::string_view line = next(mountinfo, '\n');
    const std::string_view number = next(line, ' ');
    next(line, ' ');  // parent
    const std::string_view device = next(line, ' ');
    next(line, ' ');  // root
    if (unescaped(next(line, ' ')) != path) continue;
    std::from_chars(number.data(), number.data() + number.size(), topmost.id);
    topmost.device = device;
  }
  return topmost;
}

OwnMount::OwnMount(std::string path)
    : path_(std::move(path)), identity_(topmost_mount(read_mountinfo(), path_)) {}

bool OwnMount::is_there() const {
  return identity_.id >= 0 && topmost_mount(read_mountinfo(), path_) == identity_;
}

base::Result<void, base::Failure> OwnMount::detach() {
  if (!is_there()) return {};
  if (umount2(path_.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW) == 0) return {};
  int error = errno;
  if (error == EPERM) error = run_fusermount(path_);
  if (error == 0 || !is_there()) return {};
  return base::Failure{fmt::format("cannot unmount {}: {}", path_, strerror(error))};
}

}  // namespace scratchfs::kernel

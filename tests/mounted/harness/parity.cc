#include "tests/mounted/harness/parity.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <random>
#include <sstream>

#include "tests/mounted/harness/fd.h"
#include "tests/mounted/harness/pace.h"

namespace scratchfs::harness {
namespace {

std::string type_name(mode_t mode) {
  switch (mode & S_IFMT) {
    case S_IFREG:
      return "file";
    case S_IFDIR:
      return "directory";
    case S_IFLNK:
      return "symlink";
    case S_IFIFO:
      return "fifo";
    case S_IFSOCK:
      return "socket";
    case S_IFCHR:
      return "char";
    case S_IFBLK:
      return "block";
    default:
      return "?";
  }
}

std::string type_name_of_entry(unsigned char type) {
  return type_name(static_cast<mode_t>(DTTOIF(type)));
}

std::string stamp(const statx_timestamp& time) {
  return std::to_string(time.tv_sec) + "." + std::to_string(time.tv_nsec);
}

struct statx stamps_of(const char* path) {
  struct statx info {};
  statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS | STATX_BTIME, &info);
  return info;
}

std::string join_lines(const std::vector<std::string>& lines, std::size_t from) {
  std::string text;
  for (std::size_t i = from; i < lines.size(); ++i) {
    text += lines[i] + "\n";
  }
  return text;
}

void report_differences(const std::vector<std::string>& expected,
                        const std::vector<std::string>& seen) {
  int told = 0;
  for (std::size_t i = 0; i < std::max(expected.size(), seen.size()) && told < 20; ++i) {
    const std::string left = i < expected.size() ? expected[i] : "(nothing)";
    const std::string right = i < seen.size() ? seen[i] : "(nothing)";
    if (left != right) {
      ADD_FAILURE() << "line " << i + 1 << "\n  tmpfs:     " << left << "\n  scratchfs: " << right;
      ++told;
    }
  }
}

}  // namespace

std::string errno_name(int error) {
  const char* name = strerrorname_np(error);
  return name == nullptr ? std::to_string(error) : name;
}

int Place::direct() const {
  struct statfs info {};
  statfs(root_, &info);
  if (info.f_type != TMPFS_MAGIC) return O_DIRECT;
  return Fd(open(root_, O_TMPFILE | O_RDWR | O_DIRECT | O_CLOEXEC, 0600)).valid() ? O_DIRECT : 0;
}

long Place::call(std::string_view what, long result) {
  const int error = errno;
  add(std::string(what) + ": " + std::to_string(result) +
      (result < 0 ? " " + errno_name(error) : ""));
  return result;
}

int Place::descriptor(std::string_view what, int fd) {
  const int error = errno;
  add(std::string(what) + ": " + (fd < 0 ? errno_name(error) : "opened"));
  return fd;
}

void Place::add_stat(std::string_view what, const struct stat& info) {
  std::ostringstream text;
  text << what << ": " << type_name(info.st_mode) << " " << std::oct << (info.st_mode & 07777)
       << std::dec << " links " << info.st_nlink << " of " << info.st_uid << ":" << info.st_gid;
  if (S_ISREG(info.st_mode) || S_ISLNK(info.st_mode)) {
    text << " size " << info.st_size;
  }
  if (S_ISCHR(info.st_mode) || S_ISBLK(info.st_mode)) {
    text << " device " << major(info.st_rdev) << ":" << minor(info.st_rdev);
  }
  add(text.str());
}

void Place::stat(std::string_view what, const char* path) {
  struct stat info {};
  if (lstat(path, &info) != 0) {
    call(what, -1);
  } else {
    add_stat(what, info);
  }
}

void Place::fstat(std::string_view what, int fd) {
  struct stat info {};
  if (::fstat(fd, &info) != 0) {
    call(what, -1);
  } else {
    add_stat(what, info);
  }
}

void Place::blocks(std::string_view what, const char* path) {
  struct stat info {};
  if (lstat(path, &info) != 0) {
    call(what, -1);
  } else {
    note(std::string(what) + " blocks", info.st_blocks);
  }
}

void Place::moved(std::string_view what, const char* path, const std::function<void()>& action) {
  const struct statx before = stamps_of(path);
  let_the_clock_tick();
  action();
  const struct statx after = stamps_of(path);
  std::string changed;
  changed += stamp(before.stx_mtime) != stamp(after.stx_mtime) ? " mtime" : "";
  changed += stamp(before.stx_ctime) != stamp(after.stx_ctime) ? " ctime" : "";
  changed += stamp(before.stx_btime) != stamp(after.stx_btime) ? " birth" : "";
  add(std::string(what) + " moved:" + (changed.empty() ? " nothing" : changed));
}

void Place::list(std::string_view what, const char* path) {
  DIR* stream = opendir(path);
  if (stream == nullptr) {
    call(what, -1);
    return;
  }
  std::vector<std::string> entries;
  while (const dirent* entry = readdir(stream)) {
    const std::string name = entry->d_name;
    if (name != "." && name != "..") {
      entries.push_back(name + " " + type_name_of_entry(entry->d_type));
    }
  }
  closedir(stream);
  std::sort(entries.begin(), entries.end());
  std::string text;
  for (const std::string& entry : entries) {
    text += " [" + entry + "]";
  }
  add(std::string(what) + ":" + text);
}

void Place::content(std::string_view what, const char* path) {
  const Fd file(open(path, O_RDONLY | O_CLOEXEC));
  if (!file.valid()) {
    call(what, -1);
    return;
  }
  std::string data;
  std::string buffer(256 * 1024, '\0');
  ssize_t got = 0;
  while ((got = read(file.get(), buffer.data(), buffer.size())) > 0) {
    data.append(buffer, 0, static_cast<std::size_t>(got));
  }
  if (got < 0) {
    call(what, -1);
    return;
  }
  bytes(what, data);
}

void Place::bytes(std::string_view what, std::string_view data) {
  note(what, std::to_string(data.size()) + " bytes, sum " + checksum(data));
}

void Place::as(const Who& who, const std::function<void()>& body) {
  const std::string text = in_child(who, [&] {
    const std::size_t before = lines_.size();
    body();
    return join_lines(lines_, before);
  });
  std::istringstream lines(text);
  std::string line;
  while (std::getline(lines, line)) {
    add(line);
  }
}

void compare_places(ParityBody body, Transport transport) {
  Tmpfs tmpfs;
  const Mount mount("lifetime=mount,create_mode=posix,memory=256M", transport);
  if (!mount.alive()) {
    return;
  }
  const mode_t before = umask(022);
  Place expected(tmpfs.path());
  body(expected);
  umask(022);
  Place seen(mount.path());
  body(seen);
  umask(before);
  EXPECT_FALSE(expected.lines().empty()) << "this test observes nothing";
  SCOPED_TRACE(name_of(transport));
  report_differences(expected.lines(), seen.lines());
}

void make_file(const char* path, std::string_view content, mode_t mode) {
  const Fd file(open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode));
  EXPECT_TRUE(file.valid()) << path << ": " << std::strerror(errno);
  std::size_t done = 0;
  while (done < content.size()) {
    const ssize_t put = write(file.get(), content.data() + done, content.size() - done);
    if (put <= 0) {
      ADD_FAILURE() << "write " << path << ": " << std::strerror(errno);
      return;
    }
    done += static_cast<std::size_t>(put);
  }
}

std::string checksum(std::string_view data) {
  std::uint64_t sum = 14695981039346656037ULL;  // FNV-1a
  for (const char byte : data) {
    sum = (sum ^ static_cast<unsigned char>(byte)) * 1099511628211ULL;
  }
  char text[20];
  std::snprintf(text, sizeof(text), "%016llx", static_cast<unsigned long long>(sum));
  return text;
}

std::string random_bytes(std::size_t count, unsigned seed) {
  std::mt19937_64 random(seed);
  std::string data(count, '\0');
  for (std::size_t i = 0; i < count; i += 8) {
    const std::uint64_t value = random();
    std::memcpy(data.data() + i, &value, std::min<std::size_t>(8, count - i));
  }
  return data;
}

}  // namespace scratchfs::harness

#include "tests/stress/model_world.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <vector>

#include "tests/mounted/harness/look.h"
#include "tests/mounted/harness/pace.h"
#include "tests/mounted/harness/parity.h"

namespace scratchfs::harness {

namespace {

constexpr const char* kXattr = "user.model";

std::string text_of(const struct stat& info) {
  char text[128];
  // Leaves out the size of directories, which each file system counts differently.
  std::snprintf(text, sizeof text, "%o links %lu of %u:%u size %ld", info.st_mode,
                static_cast<unsigned long>(info.st_nlink), info.st_uid, info.st_gid,
                S_ISDIR(info.st_mode) ? 0L : static_cast<long>(info.st_size));
  return text;
}

std::string stat_text(const std::string& path) {
  struct stat info {};
  return lstat(path.c_str(), &info) == 0 ? text_of(info) : outcome(-1);
}

struct Times {
  ino_t inode = 0;  // 0: the file does not exist
  std::string modified;
  std::string changed;
};
std::string text_of(const timespec& time) {
  return std::to_string(time.tv_sec) + "." + std::to_string(time.tv_nsec);
}
Times times_of(const std::string& path) {
  struct stat info {};
  if (lstat(path.c_str(), &info) != 0) return {};
  return {info.st_ino, text_of(info.st_mtim), text_of(info.st_ctim)};
}

std::string parent_of(const std::string& path) { return path.substr(0, path.rfind('/')); }

std::string moved(const Times& before, const Times& after) {
  if (before.inode != after.inode) return " another";
  return std::string(" ") + (before.modified != after.modified ? "m" : "") +
         (before.changed != after.changed ? "c" : "");
}

bool takes_a_handle(Act act) { return act > Act::open && act < Act::create; }

// Adds names with one getdents64(2) of at most `room` bytes. Returns false at the end.
bool add_names(int directory, std::size_t room, std::vector<std::string>& names) {
  std::vector<char> buffer(room);
  const long got = syscall(SYS_getdents64, directory, buffer.data(), buffer.size());
  for (long at = 0; at < got;) {
    std::uint16_t size = 0;
    std::memcpy(&size, buffer.data() + at + 16, sizeof size);  // d_ino, d_off, d_reclen, d_type
    names.emplace_back(buffer.data() + at + 19);
    at += size;
  }
  return got > 0;
}

}  // namespace

World::World(std::string root, Where where) : root_(std::move(root)), where_(where) {
  mkdir(root_.c_str(), 0755);
}

World::~World() {
  for (Fd& slot : slots_) slot.close();
  std::error_code ignored;  // a broken mount has been reported by then
  std::filesystem::remove_all(root_, ignored);
}

std::string World::perform(const Operation& operation) {
  if (operation.act == Act::open) return open_slot(operation);
  if (takes_a_handle(operation.act)) {
    if (!slots_[operation.slot].valid()) return "nothing open";
    return on_handle(operation);
  }
  // Only for some operations, because waiting for the clock takes longer than the operation.
  if (operation.value % 32 != 0) return on_names(operation);
  const std::vector<std::string> looked_at = {path(operation.path), path(operation.other_path),
                                              parent_of(path(operation.path)),
                                              parent_of(path(operation.other_path))};
  std::vector<Times> before;
  for (const std::string& one : looked_at) before.push_back(times_of(one));
  let_the_clock_tick();
  std::string seen = on_names(operation) + " moved";
  for (std::size_t i = 0; i < looked_at.size(); ++i)
    seen += moved(before[i], times_of(looked_at[i]));
  return seen;
}

std::string World::open_slot(const Operation& operation) {
  // O_NONBLOCK: must not wait for the other end of a FIFO.
  int flags = O_NONBLOCK | O_CLOEXEC | (operation.value % 7 == 0 ? O_RDONLY : O_RDWR | O_CREAT);
  if (operation.value % 11 == 0) flags |= O_EXCL;
  if (operation.value % 13 == 0) flags |= O_TRUNC;
  slots_[operation.slot] = Fd(open(path(operation.path).c_str(), flags, 0666));
  return slots_[operation.slot].valid() ? "opened" : outcome(-1);
}

std::string World::on_names(const Operation& operation) {
  const std::string one = path(operation.path);
  const std::string two = path(operation.other_path);
  const auto rename_with = [&](unsigned flags) {
    return outcome(renameat2(AT_FDCWD, one.c_str(), AT_FDCWD, two.c_str(), flags));
  };
  switch (operation.act) {
    case Act::create: {
      const int exclusive = operation.value % 3 == 0 ? O_EXCL : 0;
      const Fd file(open(one.c_str(), O_CREAT | O_WRONLY | O_NONBLOCK | O_CLOEXEC | exclusive,
                         operation.value & 07777U));
      return file.valid() ? "created" : outcome(-1);
    }
    case Act::mkdir:
      return outcome(mkdir(one.c_str(), operation.value & 07777U));
    case Act::symlink:
      return outcome(symlink(operation.other_path.c_str(), one.c_str()));
    case Act::fifo:
      return outcome(mkfifo(one.c_str(), operation.value & 0777U));
    case Act::link:
      return outcome(link(one.c_str(), two.c_str()));
    case Act::unlink:
      return outcome(unlink(one.c_str()));
    case Act::rmdir:
      return outcome(rmdir(one.c_str()));
    case Act::rename:
      return rename_with(0);
    case Act::rename_no_replace:
      return rename_with(RENAME_NOREPLACE);
    case Act::exchange:
      return rename_with(RENAME_EXCHANGE);
    case Act::list_during_change:
      return list_during_change(operation);
    case Act::chmod:
      return outcome(chmod(one.c_str(), operation.value & 07777U));
    case Act::chown:
      return outcome(lchown(one.c_str(), operation.value % 3, operation.value % 5)) + " " +
             stat_text(one);
    case Act::set_times: {
      const timespec times[2] = {{operation.value, 5}, {operation.value / 2, 999'999'999}};
      const int result = utimensat(AT_FDCWD, one.c_str(), times, AT_SYMLINK_NOFOLLOW);
      return outcome(result) + " " +
             times_of(one).modified.substr(0, result == 0 ? std::string::npos : 0);
    }
    case Act::set_xattr: {
      const std::string value = random_bytes(operation.length % 200, operation.value);
      return outcome(lsetxattr(one.c_str(), kXattr, value.data(), value.size(),
                               static_cast<int>(operation.value % 3)));
    }
    default:
      return stat_text(one);
  }
}

// Lists a part of a directory, changes it, and lists the rest. Entries that the change does not
// touch must appear exactly once. tmpfs, which may skip or repeat entries then, lists everything
// before the change.
std::string World::list_during_change(const Operation& operation) const {
  const std::string where = path(operation.path);
  const Fd directory(open(where.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory.valid()) return outcome(-1);
  std::vector<std::string> names;
  if (where_ == Where::scratchfs) {
    add_names(directory.get(), 24 + operation.value % 120, names);
  } else {
    while (add_names(directory.get(), 4096, names)) {
    }
  }
  const std::string touched(1, "abcdef"[operation.value % 6]);
  unlink((where + "/" + touched).c_str());
  for (int i = 0; i < 6; ++i) {
    const Fd made(open((where + "/new" + std::to_string(i)).c_str(), O_CREAT | O_WRONLY, 0600));
  }
  while (where_ == Where::scratchfs &&
         add_names(directory.get(), 24 + operation.value % 300, names)) {
  }
  for (int i = 0; i < 6; ++i) unlink((where + "/new" + std::to_string(i)).c_str());
  std::sort(names.begin(), names.end());
  std::string seen;
  for (const std::string& name : names) {
    if (name != touched && !name.starts_with("new")) seen += name + " ";
  }
  return seen;
}

std::string World::survey() const {
  std::vector<std::string> lines;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root_)) {
    const std::string full = entry.path().string();
    std::string line = full.substr(root_.size() + 1) + ": " + stat_text(full);
    if (entry.is_symlink()) {
      line += " to " + std::filesystem::read_symlink(entry.path()).string();
    } else if (entry.is_regular_file()) {
      line += " sum " + checksum(bytes_of_file(full));
    }
    char value[256];
    const ssize_t size = lgetxattr(full.c_str(), kXattr, value, sizeof value);
    if (size >= 0) line += " xattr " + checksum({value, static_cast<std::size_t>(size)});
    lines.push_back(line + "\n");
  }
  std::sort(lines.begin(), lines.end());
  for (unsigned slot = 0; slot < kSlots; ++slot) {
    struct stat info {};
    if (!slots_[slot].valid() || fstat(slots_[slot].get(), &info) != 0) continue;
    lines.push_back("slot " + std::to_string(slot) + ": " + text_of(info) + "\n");
  }
  std::string all;
  for (const std::string& line : lines) all += line;
  return all;
}

}  // namespace scratchfs::harness

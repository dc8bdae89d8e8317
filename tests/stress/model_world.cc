#include "tests/stress/model_world.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>
#include <vector>

#include "tests/mounted/harness/look.h"
#include "tests/mounted/harness/pace.h"
#include "tests/mounted/harness/parity.h"

namespace scratchfs::harness {

namespace {

constexpr std::size_t kPage = 4096;
constexpr const char* kXattr = "user.model";
constexpr std::uint64_t kDirect = 512;  // what O_DIRECT is aligned to

std::string text_of(const struct stat& info) {
  char text[128];
  // A directory's size is what each file system makes of it.
  std::snprintf(text, sizeof text, "%o links %lu of %u:%u size %ld", info.st_mode,
                static_cast<unsigned long>(info.st_nlink), info.st_uid, info.st_gid,
                S_ISDIR(info.st_mode) ? 0L : static_cast<long>(info.st_size));
  return text;
}

std::string counted(ssize_t result) {
  return result < 0 ? outcome(result) : std::to_string(result);
}

std::string stat_text(const std::string& path) {
  struct stat info {};
  return lstat(path.c_str(), &info) == 0 ? text_of(info) : outcome(-1);
}

// The same file through a description of its own, without a name: it may have none any more.
Fd reopened(int file, int flags) {
  return Fd(open(("/proc/self/fd/" + std::to_string(file)).c_str(), flags | O_CLOEXEC));
}

struct Aligned {
  explicit Aligned(std::size_t size) : bytes(static_cast<char*>(std::aligned_alloc(kPage, size))) {}
  ~Aligned() { std::free(bytes); }
  Aligned(const Aligned&) = delete;
  Aligned& operator=(const Aligned&) = delete;
  char* const bytes;
};
std::size_t aligned(std::uint64_t length) { return (length + kPage - 1) / kPage * kPage; }

struct Times {
  ino_t inode = 0;  // 0: nothing is there
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

// What getdents64(2) gives, at most `room` bytes of it. False at the end.
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
  std::error_code ignored;  // a mount that is broken has been told by then
  std::filesystem::remove_all(root_, ignored);
}

std::string World::perform(const Operation& operation) {
  if (operation.act == Act::open) return open_slot(operation);
  if (takes_a_handle(operation.act)) {
    if (!slots_[operation.slot].valid()) return "nothing open";
    return on_handle(operation);
  }
  // Waiting for the clock takes longer than the operation, so only now and then.
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
  // Not to wait for the other end of a FIFO.
  int flags = O_NONBLOCK | O_CLOEXEC | (operation.value % 7 == 0 ? O_RDONLY : O_RDWR | O_CREAT);
  if (operation.value % 11 == 0) flags |= O_EXCL;
  if (operation.value % 13 == 0) flags |= O_TRUNC;
  slots_[operation.slot] = Fd(open(path(operation.path).c_str(), flags, 0666));
  return slots_[operation.slot].valid() ? "opened" : outcome(-1);
}

std::string World::on_handle(const Operation& operation) {
  const int file = slots_[operation.slot].get();
  const auto offset = static_cast<off_t>(operation.offset);
  const auto length = static_cast<off_t>(operation.length);
  const int keep_size = operation.value % 2 == 0 ? FALLOC_FL_KEEP_SIZE : 0;
  switch (operation.act) {
    case Act::close:
      return outcome(slots_[operation.slot].close());
    case Act::write: {
      const std::string data = random_bytes(operation.length, operation.value);
      return counted(pwrite(file, data.data(), data.size(), offset));
    }
    case Act::append: {
      const Fd appending = reopened(file, O_WRONLY | O_APPEND | O_NONBLOCK);
      const std::string data = random_bytes(operation.length, operation.value);
      struct stat info {};
      if (fstat(file, &info) == 0 && info.st_size > static_cast<off_t>(kLargestFile))
        return "enough";
      return counted(write(appending.get(), data.data(), data.size()));
    }
    case Act::write_direct:
      return write_direct(file, operation);
    case Act::read:
      return read_back(file, operation.offset, operation.length);
    case Act::truncate:
      return outcome(ftruncate(file, operation.value % 5 == 0 ? 0 : offset));
    case Act::punch:
      return outcome(fallocate(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, length));
    case Act::zero:
      return zero(file, operation);
    case Act::allocate:
      add(unwritten_, file);
      return outcome(fallocate(file, keep_size, offset, length));
    case Act::copy:
      return copy(file, operation);
    case Act::store_mapped:
      return store_mapped(file, operation);
    case Act::load_mapped:
      return load_mapped(file, operation);
    case Act::seek:
      if (!comparable_blocks(operation.slot) || is_in(unwritten_, file)) return "";
      return counted(lseek(file, offset, operation.value % 2 == 0 ? SEEK_DATA : SEEK_HOLE));
    default:
      return outcome(fsync(file));
  }
}

std::string World::read_back(int file, std::uint64_t offset, std::uint64_t length) const {
  const bool direct = offset % kDirect == 0;
  const Fd reading = reopened(file, O_RDONLY | O_NONBLOCK | (direct ? O_DIRECT : 0));
  const Aligned data(aligned(length));
  const ssize_t got = pread(reading.get(), data.bytes, direct ? aligned(length) : length,
                            static_cast<off_t>(offset));
  if (got < 0) return outcome(got);
  return counted(got) + " " + checksum({data.bytes, static_cast<std::size_t>(got)});
}

std::string World::write_direct(int file, const Operation& operation) const {
  const Fd writing = reopened(file, O_WRONLY | O_NONBLOCK | O_DIRECT);
  const std::size_t size = aligned(operation.length);
  const Aligned data(size);
  const std::string random = random_bytes(size, operation.value);
  std::memcpy(data.bytes, random.data(), size);
  return counted(pwrite(writing.get(), data.bytes, size,
                        static_cast<off_t>(operation.offset / kPage * kPage)));
}

// tmpfs has no FALLOC_FL_ZERO_RANGE: a hole that is then allocated is the same.
std::string World::zero(int file, const Operation& operation) {
  add(unwritten_, file);
  const auto offset = static_cast<off_t>(operation.offset);
  const auto length = static_cast<off_t>(operation.length);
  const int keep_size = operation.value % 2 == 0 ? FALLOC_FL_KEEP_SIZE : 0;
  if (where_ == Where::scratchfs) {
    return outcome(fallocate(file, FALLOC_FL_ZERO_RANGE | keep_size, offset, length));
  }
  const int punched = fallocate(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, length);
  return outcome(punched != 0 ? punched : fallocate(file, keep_size, offset, length));
}

std::string World::copy(int file, const Operation& operation) {
  const int to = slots_[operation.other_slot].get();
  if (to < 0) return "nowhere to copy to";
  add(spoilt_, to);
  auto from_offset = static_cast<off_t>(operation.offset);
  auto to_offset = static_cast<off_t>(operation.other_offset);
  std::size_t left = operation.length;
  ssize_t got = 1;
  // A file system may do a part.
  while (left > 0 && got > 0) {
    got = copy_file_range(file, &from_offset, to, &to_offset, left, 0);
    left -= static_cast<std::size_t>(std::max<ssize_t>(got, 0));
  }
  return (got < 0 ? outcome(got) : "copied") + " left " + std::to_string(left);
}

namespace {

struct Range {
  std::uint64_t begin = 0;
  std::size_t length = 0;
};

// Whole pages from the operation's offset on, as far as the file goes; empty behind its end.
Range range_to_map(int file, const Operation& operation) {
  struct stat info {};
  fstat(file, &info);
  const std::uint64_t begin = operation.offset / kPage * kPage;
  const auto size = static_cast<std::uint64_t>(info.st_size);
  return {begin, begin >= size ? 0 : std::min(operation.length, size - begin)};
}

}  // namespace

std::string World::store_mapped(int file, const Operation& operation) {
  add(spoilt_, file);
  const auto [begin, length] = range_to_map(file, operation);
  if (length == 0) return "behind the end";
  void* map =
      mmap(nullptr, length, PROT_READ | PROT_WRITE, MAP_SHARED, file, static_cast<off_t>(begin));
  if (map == MAP_FAILED) return outcome(-1);
  const std::string data = random_bytes(length, operation.value);
  std::memcpy(map, data.data(), length);
  std::string seen;
  if (operation.value % 2 == 0) seen = outcome(msync(map, length, MS_SYNC));
  munmap(map, length);
  return "stored " + seen;
}

std::string World::load_mapped(int file, const Operation& operation) {
  add(spoilt_, file);
  const auto [begin, length] = range_to_map(file, operation);
  if (length == 0) return "behind the end";
  void* map = mmap(nullptr, length, PROT_READ, MAP_PRIVATE, file, static_cast<off_t>(begin));
  if (map == MAP_FAILED) return outcome(-1);
  const std::string seen = checksum({static_cast<const char*>(map), length});
  munmap(map, length);
  return seen;
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

// Lists a part, changes the directory, and lists the rest: what the change does not touch must be
// there, once. tmpfs, which may then leave out or repeat what was exchanged, lists all of it
// before.
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

long World::blocks(unsigned slot) const {
  struct stat info {};
  return slots_[slot].valid() && fstat(slots_[slot].get(), &info) == 0 ? info.st_blocks : -1;
}

bool World::comparable_blocks(unsigned slot) const {
  struct stat info {};
  const int file = slots_[slot].get();
  return file >= 0 && fstat(file, &info) == 0 && S_ISREG(info.st_mode) && !is_in(spoilt_, file);
}

void World::add(Inodes& inodes, int file) {
  struct stat info {};
  if (fstat(file, &info) == 0) inodes.insert(info.st_ino);
}

bool World::is_in(const Inodes& inodes, int file) {
  struct stat info {};
  return fstat(file, &info) == 0 && inodes.contains(info.st_ino);
}

}  // namespace scratchfs::harness

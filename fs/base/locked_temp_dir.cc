#include "fs/base/locked_temp_dir.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/utsname.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace scratchfs::base {

namespace {

constexpr const char* kLock = "owner";
constexpr const char* kUnlocked = "owner.new";

// Returns `.scratchfs-HOST-`.
std::string prefix() {
  utsname machine{};
  uname(&machine);
  return std::string(".scratchfs-") + machine.nodename + "-";
}

Descriptor open_place(int parent, const std::string& name) {
  return Descriptor(openat(parent, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
}

// Returns the entries except `.` and `..`.
std::vector<std::string> names_in(int directory) {
  std::vector<std::string> names;
  Descriptor opened(openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  DIR* const stream = fdopendir(opened.get());
  if (stream == nullptr) return names;
  opened.release();  // the stream owns it now
  while (const dirent* entry = readdir(stream)) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  closedir(stream);
  return names;
}

// Files that were open a moment ago may still have a name, because close(2) does not wait for the
// removal on all file systems.
constexpr int kTries = 200;
constexpr auto kBetweenTries = std::chrono::milliseconds(5);

void remove_when_empty(int parent, const std::string& name) {
  for (int i = 0; i < kTries && unlinkat(parent, name.c_str(), AT_REMOVEDIR) != 0; ++i) {
    if (errno != ENOTEMPTY && errno != EEXIST && errno != EBUSY) return;
    std::this_thread::sleep_for(kBetweenTries);
  }
}

// Removes a directory with its contents. The lock file goes last, and it is closed before the
// rmdir, because an unlinked open file keeps a name here.
void remove(int parent, const std::string& name, int place, Descriptor lock) {
  for (const std::string& left : names_in(place)) {
    if (left != kLock && unlinkat(place, left.c_str(), 0) != 0 && errno != ENOENT) return;
  }
  unlinkat(place, kLock, 0);
  lock = Descriptor();
  remove_when_empty(parent, name);
}

bool is_ours(int place) {
  struct stat info {};
  return fstat(place, &info) == 0 && info.st_uid == geteuid();
}

void remove_if_dead(int parent, const std::string& name) {
  const Descriptor place = open_place(parent, name);
  if (!place.valid() || !is_ours(place.get())) return;
  Descriptor lock(openat(place.get(), kLock, O_RDWR | O_NOFOLLOW | O_CLOEXEC));
  if (!lock.valid() && errno == ENOENT) {
    // The owner died while it created or removed the directory; or it is creating it right now, and
    // then retries in make().
    unlinkat(parent, name.c_str(), AT_REMOVEDIR);
  } else if (lock.valid() && flock(lock.get(), LOCK_EX | LOCK_NB) == 0) {
    remove(parent, name, place.get(), std::move(lock));
  }
}

// Locks the file before giving it its final name, so that no other process can take it for one of a
// dead owner.
Result<Descriptor> lock_in(int place) {
  Descriptor lock(openat(place, kUnlocked, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!lock.valid() || flock(lock.get(), LOCK_EX | LOCK_NB) != 0 ||
      renameat(place, kUnlocked, place, kLock) != 0) {
    return Errno{errno};
  }
  return lock;
}

}  // namespace

Result<std::unique_ptr<LockedTempDir>> LockedTempDir::make(int directory) {
  const std::string begins = prefix();
  for (const std::string& name : names_in(directory)) {
    if (name.starts_with(begins)) remove_if_dead(directory, name);
  }
  // Another process that starts now may remove our directory while it has no lock file yet
  // (ENOENT).
  constexpr int kTimes = 10;
  Result<std::unique_ptr<LockedTempDir>> made = Errno{ENOENT};
  for (int i = 0; i < kTimes && !made && made.error().value() == ENOENT; ++i) {
    made = make_one(directory, begins);
  }
  return made;
}

Result<std::unique_ptr<LockedTempDir>> LockedTempDir::make_one(int directory,
                                                               const std::string& begins) {
  std::uint64_t number = 0;
  if (getrandom(&number, sizeof number, 0) != sizeof number) return Errno{EAGAIN};
  char text[20];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(number));
  const std::string name = begins + text;
  if (mkdirat(directory, name.c_str(), 0700) != 0) return Errno{errno};
  Descriptor place = open_place(directory, name);
  if (!place.valid()) return Errno{errno};
  auto lock = lock_in(place.get());
  if (!lock) {
    remove(directory, name, place.get(), Descriptor());
    return lock.error();
  }
  return std::unique_ptr<LockedTempDir>(
      new LockedTempDir(directory, name, std::move(place), *std::move(lock)));
}

bool LockedTempDir::holds_names() const {
  return std::ranges::any_of(names_in(place_.get()),
                             [](const std::string& name) { return name != kLock; });
}

LockedTempDir::~LockedTempDir() { remove(parent_, name_, place_.get(), std::move(lock_)); }

}  // namespace scratchfs::base

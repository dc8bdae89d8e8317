#include "tests/mounted/harness/protections.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <unistd.h>

#include <iterator>
#include <string>

#include "tests/mounted/harness/parity.h"
#include "tests/mounted/harness/proc.h"

namespace scratchfs::harness {
namespace {

constexpr const char* kLock = "/run/scratchfs-test.protected";
constexpr const char* kNames[] = {"symlinks", "hardlinks", "regular", "fifos"};

std::string path_of(const std::string& name) { return "/proc/sys/fs/protected_" + name; }

void set(const std::string& name, char value) {
  const Fd file(open(path_of(name).c_str(), O_WRONLY | O_CLOEXEC));
  EXPECT_EQ(write(file.get(), &value, 1), 1) << path_of(name) << ": " << errno_name(errno);
}

}  // namespace

Protections::Protections() : lock_(open(kLock, O_RDWR | O_CREAT | O_CLOEXEC, 0600)) {
  flock(lock_.get(), LOCK_EX);
  std::string before = read_text(kLock);
  if (before.empty()) {
    for (const char* name : kNames) before += read_text(path_of(name)).substr(0, 1);
    EXPECT_EQ(pwrite(lock_.get(), before.data(), before.size(), 0), 4);
  }
  for (const char* name : kNames) set(name, '1');
}

Protections::~Protections() {
  const std::string before = read_text(kLock);
  for (std::size_t i = 0; i < std::size(kNames); ++i) set(kNames[i], before[i]);
  EXPECT_EQ(ftruncate(lock_.get(), 0), 0);
}

}  // namespace scratchfs::harness

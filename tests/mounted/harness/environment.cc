#include "tests/mounted/harness/environment.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "tests/mounted/harness/fd.h"
#include "tests/mounted/harness/keeper.h"
#include "tests/mounted/harness/mount.h"
#include "tests/mounted/harness/proc.h"

namespace scratchfs::harness {
namespace {

constexpr double kSecondsPerTest = 60;
constexpr const char* kDevice = "/dev/fuse";
constexpr const char* kSwitch = "/sys/module/fuse/parameters/enable_uring";
// Holds what was before the first of the tests that run now; each of them holds a shared lock on
// it.
constexpr const char* kBefore = "/run/scratchfs-test.before";

bool write_text(const char* path, const std::string& text) {
  const Fd file(open(path, O_WRONLY | O_CLOEXEC));
  return file.valid() &&
         write(file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

// Empty: all is there.
std::string what_is_missing() {
  const Fd device(open(kDevice, O_RDWR | O_CLOEXEC));
  if (!device.valid()) {
    return std::string("/dev/fuse: ") + std::strerror(errno) + "; these tests need it";
  }
  if (geteuid() != 0) {
    return "these tests mount, which takes root";
  }
  if (access(scratchfs_binary().c_str(), X_OK) != 0) {
    return "SCRATCHFS_BIN names no program: " + scratchfs_binary();
  }
  return "";
}

// How the machine is while tests run: the kernel's switch for FUSE over io_uring, where it has one,
// is on, and /dev/fuse is everybody's, as udev makes it (containers often do not). Without the
// switch the tests of io_uring fail at their mount.
class Settings {
 public:
  void make() {
    before_ = Fd(open(kBefore, O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    flock(before_.get(), LOCK_SH);
    struct stat info {};
    fstat(before_.get(), &info);
    if (info.st_size == 0) {
      remember();
    }
    if (access(kSwitch, F_OK) == 0) {
      EXPECT_TRUE(write_text(kSwitch, "Y")) << kSwitch << ": " << std::strerror(errno);
    }
    EXPECT_EQ(chmod(kDevice, 0666), 0) << kDevice << ": " << std::strerror(errno);
  }

  void put_back() {
    if (!before_.valid() || flock(before_.get(), LOCK_EX | LOCK_NB) != 0) {
      return;  // the last of the running tests does
    }
    char enabled = 'N';
    mode_t mode = 0666;
    if (std::sscanf(read_text(kBefore).c_str(), "%c %o", &enabled, &mode) == 2) {
      if (enabled != '-') write_text(kSwitch, std::string(1, enabled));
      chmod(kDevice, mode);
    }
    // Emptied, not removed: others may wait for the lock of this very file.
    EXPECT_EQ(ftruncate(before_.get(), 0), 0);
  }

 private:
  void remember() {
    struct stat device {};
    stat(kDevice, &device);
    dprintf(before_.get(), "%c %o\n", (read_text(kSwitch) + "-")[0], device.st_mode & 07777);
  }

  Fd before_;
};

class EachTest : public testing::EmptyTestEventListener {
 public:
  explicit EachTest(std::string missing) : missing_(std::move(missing)) {}

 private:
  void OnTestStart(const testing::TestInfo& test) override {
    if (!missing_.empty()) {
      FAIL() << missing_;  // each test by itself: a failing environment would only skip them
    }
    expect_within(std::string(test.test_suite_name()) + "." + test.name(), kSecondsPerTest);
  }
  void OnTestEnd(const testing::TestInfo&) override { expect_within("", 0); }

  const std::string missing_;
};

class Machine : public testing::Environment {
 public:
  void SetUp() override {
    umask(022);
    test_directory();
    start_keeper();
    const std::string missing = what_is_missing();
    if (missing.empty()) {
      settings_.make();
    }
    testing::UnitTest::GetInstance()->listeners().Append(new EachTest(missing));
  }
  void TearDown() override { settings_.put_back(); }

 private:
  Settings settings_;
};

// Before main(): GoogleTest takes environments until the tests start.
const bool registered = [] {
  testing::AddGlobalTestEnvironment(new Machine);
  return true;
}();

}  // namespace

void ensure_environment() { ASSERT_TRUE(registered); }

void allow_seconds(double seconds) {
  const testing::TestInfo* test = testing::UnitTest::GetInstance()->current_test_info();
  expect_within(std::string(test->test_suite_name()) + "." + test->name(), seconds);
}

}  // namespace scratchfs::harness

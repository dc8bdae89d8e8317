// A user whose files always look as if they were being closed must not hold up others.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <thread>
#include <vector>

#include "tests/mounted/harness/child.h"
#include "tests/mounted/harness/environment.h"
#include "tests/mounted/harness/fd.h"
#include "tests/mounted/harness/look.h"
#include "tests/mounted/harness/mount.h"
#include "tests/mounted/harness/pace.h"
#include "tests/mounted/harness/parity.h"

namespace scratchfs::harness {
namespace {

// Closes duplicates of a loose file's descriptor and looks the file up. Every other thread does so
// while it holds the directory's lock in the kernel, as mkdir(2) does.
void look_at_a_file_that_seems_to_close(const std::string& path, bool exclusively) {
  const Fd file(open(path.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600));
  while (true) {
    Fd(dup(file.get())).close();
    struct stat info {};
    static_cast<void>(exclusively ? mkdir(path.c_str(), 0700) : stat(path.c_str(), &info));
  }
}

class ClosingHostile : public testing::TestWithParam<Transport> {
 protected:
  Mount mount_{"memory=64M,allow_other", GetParam()};
};
INSTANTIATE_TEST_SUITE_P(Both, ClosingHostile,
                         testing::Values(Transport::dev_fuse, Transport::io_uring),
                         TransportName{});

TEST_P(ClosingHostile, OthersGoOnBesideThem) {
  allow_seconds(120);
  Child eve(as_user(kAlice), [&](Channel& channel) {
    std::vector<std::thread> threads;
    for (int i = 0; i < 64; ++i) {
      threads.emplace_back(look_at_a_file_that_seems_to_close,
                           mount_ / ("hers" + std::to_string(i)), i % 2 == 0);
    }
    channel.send("all started");
    channel.receive();  // returns when she is killed or her watcher has ended
    _exit(0);
  });
  eve.receive();
  const auto start = std::chrono::steady_clock::now();
  check_in_child(as_user(kBob), [&] {
    for (int i = 0; i < 20; ++i) {
      ASSERT_EQ(mkdir((mount_ / "his").c_str(), 0700), 0) << errno_name(errno);
      ASSERT_TRUE(exists(mount_ / "his"));
      ASSERT_EQ(rmdir((mount_ / "his").c_str()), 0) << errno_name(errno);
      ASSERT_TRUE(Fd(open((mount_ / "loose").c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600)).valid());
      ASSERT_FALSE(exists(mount_ / "loose")) << "round " << i << ": seen after its close";
    }
  });
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  RecordProperty("seconds", std::to_string(took.count()));
  // It takes minutes if every lookup of hers is waited for.
  EXPECT_LT(took, patience(30));
  eve.kill(SIGKILL);
  eve.join();
}

}  // namespace
}  // namespace scratchfs::harness

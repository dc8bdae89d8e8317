// Faults around a daemon: it is stopped, runs out of descriptors, loses its spill directory, or
// cannot log.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <vector>

#include "tests/mounted/harness/child.h"
#include "tests/mounted/harness/claims.h"
#include "tests/mounted/harness/fd.h"
#include "tests/mounted/harness/keeper.h"
#include "tests/mounted/harness/look.h"
#include "tests/mounted/harness/mount.h"
#include "tests/mounted/harness/pace.h"
#include "tests/mounted/harness/parity.h"
#include "tests/mounted/harness/proc.h"
#include "tests/units.h"

namespace scratchfs::harness {
namespace {

class Faults : public testing::TestWithParam<Transport> {};
INSTANTIATE_TEST_SUITE_P(Both, Faults, testing::Values(Transport::dev_fuse, Transport::io_uring),
                         TransportName{});

// Limits the process to the descriptors that it has.
void leave_no_descriptor(pid_t pid) {
  const auto open = static_cast<rlim_t>(
      std::distance(std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/fd"),
                    std::filesystem::directory_iterator()));
  const rlimit limit{.rlim_cur = open, .rlim_max = open};
  EXPECT_EQ(prlimit(pid, RLIMIT_NOFILE, &limit, nullptr), 0);
}

void write_and_compare(const std::string& path, unsigned mebibytes) {
  const Fd file(open(path.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600));
  for (unsigned i = 0; i < mebibytes; ++i) {
    const std::string bytes = random_bytes(kMiB, i);
    ASSERT_EQ(write(file.get(), bytes.data(), kMiB), static_cast<ssize_t>(kMiB));
  }
  std::string bytes(kMiB, '\0');
  for (unsigned i = 0; i < mebibytes; ++i) {
    ASSERT_EQ(pread(file.get(), bytes.data(), kMiB, static_cast<off_t>(i * kMiB)),
              static_cast<ssize_t>(kMiB));
    ASSERT_EQ(bytes, random_bytes(kMiB, i)) << "MiB " << i;
  }
}

TEST_P(Faults, ADaemonThatWasStoppedAnswersWhenItGoesOn) {
  Mount mount("memory=16M", GetParam());
  ASSERT_TRUE(mount.alive());
  mount.freeze();
  Child user(Who{}, [&](Channel& channel) {
    const Fd file(open((mount / "f").c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600));
    channel.send(outcome(write(file.get(), "x", 1) == 1 ? 0 : -1));
  });
  EXPECT_TRUE(eventually([&] { return waiting_requests(mount.connection()) > 0; }, 10));
  ASSERT_EQ(::kill(mount.daemon(), SIGCONT), 0);
  EXPECT_EQ(user.receive(), "0");
  EXPECT_EQ(user.join(), 0);
  EXPECT_TRUE(names_in(mount.path()).empty());
}

TEST_P(Faults, ASpillDirectoryThatIsRemovedIsNotMissed) {
  const std::string directory = make_directory("removed");
  Mount mount("lifetime=mount,memory=8M,spill_dir=" + directory, GetParam());
  ASSERT_TRUE(mount.alive());
  write_and_compare(mount / "before", 16);
  ASSERT_EQ(rmdir(directory.c_str()), 0) << "spill files have no names";
  write_and_compare(mount / "after", 16);
  EXPECT_EQ(status_of(mount)["spill"]["write_errors"], 0);
}

TEST_P(Faults, WithoutDescriptorsFilesAreServedAndNoClaimEndsTooEarly) {
  if (sanitized()) GTEST_SKIP() << "sanitizers look at memory through pipes of their own";
  Mount mount("memory=8M", GetParam());
  ASSERT_TRUE(mount.alive());
  mount.tolerate("none of its processes can be watched");
  leave_no_descriptor(mount.daemon());
  std::vector<Child> sessions;
  for (int i = 0; i < 10; ++i)
    sessions.push_back(session([&] { claim(mount / std::to_string(i)); }));
  write_and_compare(mount / "loose", 16);
  EXPECT_FALSE(goes(mount / "0"));
  EXPECT_EQ(names_in(mount.path()).size(), sessions.size());
  for (Child& one : sessions) end(one);
  EXPECT_TRUE(eventually([&] { return names_in(mount.path()).empty(); }, 10));
}

// A limit inherited from the user who mounted, for example. SIGXFSZ would end the daemon and lose
// all files.
TEST_P(Faults, ALimitOnTheSizeOfItsFilesIsAFailingDiskAndAFullLog) {
  Mount mount("lifetime=mount,memory=8M", GetParam());
  ASSERT_TRUE(mount.alive());
  const rlimit none{.rlim_cur = 0, .rlim_max = 0};
  ASSERT_EQ(prlimit(mount.daemon(), RLIMIT_FSIZE, &none, nullptr), 0);
  const std::string bytes = random_bytes(kMiB, 1);
  const Fd file(open((mount / "f").c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600));
  off_t accepted = 0;
  ssize_t put = 0;
  while (accepted < static_cast<off_t>(16 * kMiB) &&
         (put = pwrite(file.get(), bytes.data(), kMiB, accepted)) > 0)
    accepted += put;
  EXPECT_EQ(outcome(put), "EIO");
  std::string back(kMiB, '\0');
  for (off_t at = 0; at + static_cast<off_t>(kMiB) <= accepted; at += static_cast<off_t>(kMiB)) {
    ASSERT_EQ(pread(file.get(), back.data(), kMiB, at), static_cast<ssize_t>(kMiB));
    EXPECT_EQ(back, bytes);
  }
  EXPECT_EQ(unlink((mount / "f").c_str()), 0);
}

}  // namespace
}  // namespace scratchfs::harness

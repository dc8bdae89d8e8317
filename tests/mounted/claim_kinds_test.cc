// The claim= option: who claims a tree, and when the claim ends.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "tests/mounted/harness/child.h"
#include "tests/mounted/harness/claims.h"
#include "tests/mounted/harness/command.h"
#include "tests/mounted/harness/fd.h"
#include "tests/mounted/harness/look.h"
#include "tests/mounted/harness/mount.h"
#include "tests/mounted/harness/pace.h"
#include "tests/mounted/harness/parity.h"
#include "tests/mounted/harness/proc.h"

namespace scratchfs::harness {
namespace {

class ClaimKinds : public testing::TestWithParam<Transport> {
 protected:
  static std::string options(const std::string& kind) { return "memory=32M,claim=" + kind; }
};
INSTANTIATE_TEST_SUITE_P(Both, ClaimKinds,
                         testing::Values(Transport::dev_fuse, Transport::io_uring),
                         TransportName{});

TEST_P(ClaimKinds, AProcessClaimsForItselfAlone) {
  const Mount mount(options("process"), GetParam());
  EXPECT_EQ(status_of(mount)["claim"], "process");
  Child shell = process(kNewSession, [&] {
    Child worker = process(Who{}, [&] { claim(mount / "workers"); });
    claim(mount / "shells");
    end(worker);
  });
  EXPECT_TRUE(gone_soon(mount / "workers"));
  EXPECT_FALSE(goes(mount / "shells"));
  end(shell);
  EXPECT_TRUE(gone_soon(mount / "shells"));
}

TEST_P(ClaimKinds, AThreadClaimsForItsProcess) {
  const Mount mount(options("process"), GetParam());
  const Finished made = run({"python3", "-c",
                             "import threading, tempfile, sys, os, time\n"
                             "names = []\n"
                             "def work():\n"
                             "    fd, name = tempfile.mkstemp(dir=sys.argv[1])\n"
                             "    os.close(fd)\n"
                             "    names.append(name)\n"
                             "t = threading.Thread(target=work); t.start(); t.join()\n"
                             "time.sleep(1)\n"
                             "assert os.path.exists(names[0])\n",
                             mount.path()});
  EXPECT_EQ(made.code, 0) << made.err;
  EXPECT_TRUE(eventually([&] { return names_in(mount.path()).empty(); }, kSweepSeconds));
}

TEST_P(ClaimKinds, AUserClaimsForAllOfItsProcesses) {
  const Mount mount(options("user"), GetParam());
  // A user that no other test uses: concurrent tests run processes of the usual users.
  const auto own_user = static_cast<uid_t>(1'000'000 + 2 * getpid());
  Who alice = as_user(own_user);
  alice.new_session = true;
  Child first = process(alice, [&] { claim(mount / "alices"); });
  Child second = process(alice, [] {});
  Child bob = process(as_user(own_user + 1), [&] { claim(mount / "bobs"); });
  end(first);
  EXPECT_FALSE(goes(mount / "alices")) << "Alice has another process";
  end(second);
  EXPECT_TRUE(gone_soon(mount / "alices"));
  EXPECT_TRUE(exists(mount / "bobs"));
  end(bob);
  EXPECT_TRUE(gone_soon(mount / "bobs"));
}

TEST_P(ClaimKinds, ACgroupClaimsForAllInIt) {
  std::string hierarchy = "/sys/fs/cgroup";
  if (!exists(hierarchy + "/cgroup.procs")) hierarchy += "/unified";
  const std::string group = hierarchy + "/scratchfs-mounted-" + std::to_string(getpid());
  ASSERT_EQ(mkdir(group.c_str(), 0755), 0) << group;
  const auto join = [&] { std::ofstream(group + "/cgroup.procs") << getpid(); };
  {
    const Mount mount(options("cgroup"), GetParam());
    Child first = process(kNewSession, [&] {
      join();
      claim(mount / "job");
      EXPECT_EQ(mkdir((mount / "d").c_str(), 0700), 0);
      make_file((mount / "d/f").c_str(), "plain");
      make_file((mount / "job.out").c_str(), "derived");
    });
    Child second = process(kNewSession, join);
    end(first);
    EXPECT_FALSE(goes(mount / "job")) << "another session, the same cgroup";
    EXPECT_EQ(bytes_of_file(mount / "d/f"), "plain");
    EXPECT_EQ(bytes_of_file(mount / "job.out"), "derived");
    end(second);
    EXPECT_TRUE(eventually([&] { return names_in(mount.path()).empty(); }, kSweepSeconds));
  }
  EXPECT_EQ(rmdir(group.c_str()), 0) << errno_name(errno);
}

}  // namespace
}  // namespace scratchfs::harness

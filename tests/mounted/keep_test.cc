// scratchfs keep and unkeep, and the extended attribute behind them.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>

#include "tests/mounted/harness/child.h"
#include "tests/mounted/harness/claims.h"
#include "tests/mounted/harness/command.h"
#include "tests/mounted/harness/environment.h"
#include "tests/mounted/harness/fd.h"
#include "tests/mounted/harness/look.h"
#include "tests/mounted/harness/mount.h"
#include "tests/mounted/harness/pace.h"
#include "tests/mounted/harness/parity.h"

namespace scratchfs::harness {
namespace {

// Returns what `getfattr --only-values` shows.
std::string holders(const std::string& path) {
  std::string words(4096, '\0');
  const ssize_t size =
      lgetxattr(path.c_str(), "system.scratchfs.lifetime", words.data(), words.size());
  words.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
  return words;
}

class Keep : public testing::TestWithParam<Transport> {
 protected:
  Mount mount_{"memory=64M", GetParam()};
  std::string at(const std::string& name) const { return mount_ / name; }
  static Finished keep(const std::string& path, const Who& who = {}) {
    return run({scratchfs_binary(), "keep", path}, {.who = who});
  }
  static Finished unkeep(const std::string& path) {
    return run({scratchfs_binary(), "unkeep", path});
  }
  static void expect_refused(const Finished& finished, const std::string& why) {
    EXPECT_EQ(finished.code, 1);
    EXPECT_TRUE(finished.err.starts_with("scratchfs: ")) << finished.err;
    EXPECT_NE(finished.err.find(why), std::string::npos) << finished.err;
    EXPECT_EQ(std::count(finished.err.begin(), finished.err.end(), '\n'), 1) << finished.err;
  }
};
INSTANTIATE_TEST_SUITE_P(Both, Keep, testing::Values(Transport::dev_fuse, Transport::io_uring),
                         TransportName{});

TEST_P(Keep, WhatIsKeptOutlivesItsSessionUntilTheMarkIsLifted) {
  check_in_child(kNewSession, [&] {
    EXPECT_EQ(mkdir(at("job").c_str(), 0700), 0);
    make_file(at("job/result").c_str(), "precious");
    EXPECT_EQ(mkdir(at("other").c_str(), 0700), 0);
    EXPECT_EQ(keep(at("job")).code, 0);
  });
  EXPECT_TRUE(eventually([&] { return !exists(at("other")); }, 1.0));
  EXPECT_EQ(bytes_of_file(at("job/result")), "precious");
  EXPECT_EQ(holders(at("job")), "keep mark");
  EXPECT_EQ(holders(at("job/result")), "directory /job");
  EXPECT_EQ(unkeep(at("job")).code, 0);
  // The kernel learns of it a moment later.
  EXPECT_TRUE(eventually([&] { return !exists(at("job")); }, 1.0));
}

TEST_P(Keep, ALinkIsFollowedUnlessItselfIsMeant) {
  const Fd file(open(at("loose").c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600));
  ASSERT_EQ(symlink("loose", at("link").c_str()), 0);
  EXPECT_EQ(keep(at("link")).code, 0);
  EXPECT_EQ(holders(at("loose")), "handles: 1; keep mark");
  EXPECT_EQ(run({scratchfs_binary(), "keep", "-P", at("link")}).code, 0);
  EXPECT_NE(holders(at("link")).find("keep mark"), std::string::npos);
  ASSERT_EQ(symlink("nothing", at("dangling").c_str()), 0);
  expect_refused(keep(at("dangling")), "points to nothing");
  for (const char* name : {"loose", "link", "dangling"}) unlink(at(name).c_str());
}

TEST_P(Keep, SaysWhyNot) {
  const Fd file(open(at("f").c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0666));
  expect_refused(keep(at("f"), as_user(kAlice)), "only its owner and root");
  expect_refused(keep(at("missing")), "No such file");
  expect_refused(keep("/proc/self/stat"), "not on a scratchfs");
  expect_refused(keep(mount_.path()), "the mount itself");
  const Finished both = run({scratchfs_binary(), "keep", at("missing"), at("f")});
  expect_refused(both, "missing");
  EXPECT_EQ(holders(at("f")), "handles: 1; keep mark") << "the others are kept all the same";
}

TEST_P(Keep, HoldersAreToldWithTheirProgramsToTheOwner) {
  Child owner(Who{.uid = kAlice, .gid = kAlice, .new_session = true}, [&](Channel& channel) {
    make_file(at("loose").c_str(), "x");
    Fd(open(at("f").c_str(), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600));
    channel.send(holders(at("f")));
    channel.receive();
  });
  const std::string session = "session " + std::to_string(owner.pid());
  const std::string seen = owner.receive();
  EXPECT_TRUE(seen.starts_with(session + " (") && seen.ends_with("), 1 process")) << seen;
  EXPECT_EQ(holders(at("f")), seen) << "root sees the same";
  EXPECT_EQ(in_child(as_user(kBob), [&] { return holders(at("f")); }), "a claim");
  owner.send("end");
  owner.join();
}

TEST_P(Keep, ToolsThatAskForTheSizeFirstGetAnAnswer) {
  ASSERT_EQ(mkdir(at("d").c_str(), 0700), 0);
  const ssize_t size = getxattr(at("d").c_str(), "system.scratchfs.lifetime", nullptr, 0);
  EXPECT_GE(size, static_cast<ssize_t>(holders(at("d")).size()));
  char little[4];
  EXPECT_EQ(getxattr(at("d").c_str(), "system.scratchfs.lifetime", little, sizeof little), -1);
  EXPECT_EQ(errno_name(errno), "ERANGE");
  ASSERT_EQ(rmdir(at("d").c_str()), 0);
}

}  // namespace
}  // namespace scratchfs::harness

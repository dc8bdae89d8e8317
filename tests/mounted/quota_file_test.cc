// Limits from a file that is read again on SIGHUP, and the warning before a limit is reached.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <fstream>

#include "tests/mounted/harness/child.h"
#include "tests/mounted/harness/command.h"
#include "tests/mounted/harness/fd.h"
#include "tests/mounted/harness/keeper.h"
#include "tests/mounted/harness/look.h"
#include "tests/mounted/harness/mount.h"
#include "tests/mounted/harness/pace.h"
#include "tests/mounted/harness/proc.h"
#include "tests/units.h"

namespace scratchfs::harness {
namespace {

std::size_t count_of(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (std::size_t at = 0; (at = text.find(part, at)) != std::string::npos; ++at) ++count;
  return count;
}

class QuotaFile : public testing::Test {
 protected:
  QuotaFile() { write("* 4M\n" + std::to_string(kAlice) + " 1M 20\n"); }

  void write(const std::string& text) const { std::ofstream(file_) << text; }
  std::string options() const { return "memory=64M,user_quota=61002:2M,quota_file=" + file_; }
  // Returns a user's limit on the mount in bytes; 0: no limit.
  static std::uint64_t limit(const Mount& mount, uid_t uid) {
    const Finished finished =
        run({scratchfs_binary(), "quota", mount.path(), "--json"}, {.who = as_user(uid)});
    EXPECT_EQ(finished.code, 0) << finished.err;
    const auto quota = nlohmann::json::parse(finished.out);
    const auto& bytes = quota["users"][0]["bytes_limit"];
    return bytes.is_null() ? 0 : bytes.get<std::uint64_t>();
  }

  const std::string directory_ = make_directory("quotas");
  const std::string file_ = directory_ + "/limits";
};

TEST_F(QuotaFile, SaysWhatHoldsFromTheStartAndIsReadAgainOnSighup) {
  const Mount mount(options());
  EXPECT_EQ(limit(mount, kAlice), kMiB);
  EXPECT_EQ(limit(mount, kBob), 2 * kMiB) << "as the option says";
  EXPECT_EQ(limit(mount, 61003), 4 * kMiB);
  EXPECT_EQ(
      run({scratchfs_binary(), "quota", mount.path(), "--user", "61003", "--bytes", "9M"}).code, 0);
  write("* 5M\n" + std::to_string(kBob) + " 3M\n");
  ASSERT_EQ(kill(mount.daemon(), SIGHUP), 0);
  EXPECT_TRUE(eventually([&] { return limit(mount, kAlice) == 5 * kMiB; }, 5));
  EXPECT_EQ(limit(mount, kBob), 3 * kMiB);
  EXPECT_EQ(limit(mount, 61003), 5 * kMiB) << "what was set by hand is gone";
}

TEST_F(QuotaFile, ABadLineIsToldAndTheOldLimitsStay) {
  Mount mount(options());
  mount.tolerate(file_ + ":2: ");
  write("* 5M\n" + std::to_string(kAlice) + " lots\n");
  ASSERT_EQ(kill(mount.daemon(), SIGHUP), 0);
  EXPECT_TRUE(eventually([&] { return count_of(mount.log(), file_ + ":2: lots: ") == 1; }, 5));
  EXPECT_EQ(limit(mount, kAlice), kMiB);
  EXPECT_EQ(limit(mount, 61003), 4 * kMiB);
}

TEST_F(QuotaFile, ABadOneMountsNothing) {
  write("nonsense\n");
  const std::string at = make_directory("place");
  const Finished refused = run({scratchfs_binary(), at, "-o", options()});
  EXPECT_EQ(refused.code, 1);
  EXPECT_EQ(refused.err, "scratchfs: -o quota_file: " + file_ +
                             ":1: must be USER SIZE [INODES], or none for no limit\n");
  EXPECT_TRUE(mounts_below(at).empty());
}

TEST_F(QuotaFile, SighupWithoutOneEndsNothing) {
  const Mount mount(MountSettings{.options = "memory=64M", .daemonize = true});
  ASSERT_EQ(kill(mount.daemon(), SIGHUP), 0);
  EXPECT_EQ(limit(mount, kAlice), 0U);
  EXPECT_TRUE(mount.mounted());
}

TEST(QuotaWarning, IsLoggedOnceForEachCrossing) {
  const Mount mount("memory=64M,quota_warn=50%,user_quota=" + std::to_string(kAlice) + ":1M");
  const std::string line = "quota: uid " + std::to_string(kAlice) + " uses ";
  const auto logged = [&] { return count_of(mount.log(), line); };
  const auto fill = [&](off_t bytes) {
    check_in_child(as_user(kAlice), [&] {
      const Fd file(open((mount / "f").c_str(), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600));
      EXPECT_EQ(outcome(fallocate(file.get(), 0, 0, bytes)), "0");
      EXPECT_EQ(outcome(fallocate(file.get(), 0, 0, bytes + 65536)), "0");
      EXPECT_EQ(unlink((mount / "f").c_str()), 0);
    });
  };
  fill(kMiB / 4);
  fill(kMiB / 2);
  EXPECT_TRUE(eventually([&] { return logged() == 1; }, 5)) << mount.log();
  EXPECT_EQ(count_of(mount.log(), line + "50% of its bytes: 512.0K of 1.0M"), 1U) << mount.log();
  EXPECT_TRUE(eventually([&] { return charged_to(mount, kAlice) == Usage{}; }, 5));
  fill(kMiB / 2);
  EXPECT_TRUE(eventually([&] { return logged() == 2; }, 5)) << mount.log();
}

}  // namespace
}  // namespace scratchfs::harness

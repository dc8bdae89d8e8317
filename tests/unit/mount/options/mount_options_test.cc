#include "mount/options/mount_options.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/unit/mount/says.h"

namespace scratchfs::mount {
namespace {

using quota::kUnlimited;

MountOptions accepted(const std::vector<std::string>& lists) {
  auto options = parse_mount_options(lists);
  if (!options) {
    ADD_FAILURE() << options.error().message;
    return {};
  }
  return *options;
}

std::string refused(const std::string& list) {
  const auto options = parse_mount_options({list});
  if (options) {
    ADD_FAILURE() << list << " was accepted";
    return {};
  }
  const std::string& message = options.error().message;
  EXPECT_EQ(options.error().exit_code, kUsage);
  EXPECT_EQ(message.find('\n'), std::string::npos) << message;
  return message;
}

TEST(MountOptions, HaveTheDocumentedDefaults) {
  const MountOptions options = accepted({});
  EXPECT_EQ(options.memory, "25%");
  EXPECT_EQ(options.spill_directory, "/var/tmp");
  EXPECT_EQ(options.spill, "80%");
  EXPECT_EQ(options.spill_timeout, std::chrono::seconds(30));
  EXPECT_EQ(options.quota, "none");
  EXPECT_EQ(options.quota_file, "");
  EXPECT_EQ(options.quota_warn, 90U);
  EXPECT_EQ(options.subuid, "/etc/subuid");
  EXPECT_EQ(options.quota_inodes, kUnlimited);
  EXPECT_EQ(options.lifetime, lifetime::LifetimeMode::claimed);
  EXPECT_EQ(options.claim, lifetime::ClaimKind::session);
  EXPECT_EQ(options.create_mode, tree::CreateMode::owner_only);
  EXPECT_EQ(options.io_uring, kernel::IoUring::automatic);
  EXPECT_FALSE(options.allow_other);
  EXPECT_FALSE(options.inodes);
  EXPECT_FALSE(options.nonempty);
  EXPECT_FALSE(options.supervise);
  EXPECT_FALSE(options.private_names);
  EXPECT_TRUE(options.confine);
}

TEST(MountOptions, HaveTheDefaultsOfTheTable) {
  MountOptions options;
  for (const MountOption& option : mount_options()) {
    if (says(std::string(option.default_value), " ") || option.default_value.empty()) continue;
    EXPECT_EQ(option.value.set(options, option.default_value), "") << option.name;
  }
  EXPECT_EQ(options.source, kernel::SessionOptions{}.source);
  options.source.reset();
  EXPECT_EQ(options, MountOptions{});
}

TEST(MountOptions, TakeEveryOptionOfOurs) {
  const MountOptions options = accepted(
      {"memory=1G,spill_dir=/data/"
       "tmp,spill=0,spill_timeout=90,quota=50%,quota_inodes=1000,inodes=5000,lifetime=strict,"
       "claim=cgroup,create_mode=posix,io_uring=off,allow_other,nonempty,supervise,log_level=debug,"
       "private_names,confine=off,"
       "fsname=job7"});
  EXPECT_EQ(options.memory, "1G");
  EXPECT_EQ(options.spill_directory, "/data/tmp");
  EXPECT_EQ(options.spill, "0");
  EXPECT_EQ(options.spill_timeout, std::chrono::seconds(90));
  EXPECT_EQ(options.quota, "50%");
  EXPECT_EQ(options.quota_inodes, 1000U);
  EXPECT_EQ(options.inodes, 5000U);
  EXPECT_EQ(options.lifetime, lifetime::LifetimeMode::strict);
  EXPECT_EQ(options.claim, lifetime::ClaimKind::cgroup);
  EXPECT_EQ(options.create_mode, tree::CreateMode::posix);
  EXPECT_EQ(options.io_uring, kernel::IoUring::off);
  EXPECT_EQ(options.allow_other, true);
  EXPECT_TRUE(options.nonempty);
  EXPECT_TRUE(options.supervise);
  EXPECT_TRUE(options.private_names);
  EXPECT_FALSE(options.confine);
  EXPECT_EQ(options.log_level, "debug");
  EXPECT_EQ(options.source, "job7");
}

TEST(MountOptions, TheLastOfTheSameOptionCounts) {
  const MountOptions options =
      accepted({"memory=1G,allow_other,lifetime=mount", "memory=2G,noallow_other,lifetime=strict"});
  EXPECT_EQ(options.memory, "2G");
  EXPECT_EQ(options.allow_other, false);
  EXPECT_EQ(options.lifetime, lifetime::LifetimeMode::strict);
}

TEST(MountOptions, ValuesMayHoldCommasAndBackslashesIfEscaped) {
  EXPECT_EQ(accepted({R"(spill_dir=/a\,b\\c,memory=1G)"}).spill_directory, R"(/a,b\c)");
  EXPECT_EQ(accepted({"spill_dir=/with = and space"}).spill_directory, "/with = and space");
}

TEST(MountOptions, TakeWhatMountAndFstabAndSystemdPassAlong) {
  const MountOptions options = accepted(
      {"rw,dev,suid,exec,auto,noauto,user,user=alice,nofail,_netdev,relatime,defaults,nosuid,nodev,"
       "x-systemd.automount,x-systemd.requires=a.mount,X-mount.mkdir,comment=hello,,"});
  EXPECT_EQ(options.kernel_flags, 0U);
}

TEST(MountOptions, WarnOfWhatHasNoEffect) {
  const auto warnings = [](const std::string& list) { return accepted({list}).warnings; };
  for (const char* list : {"dev", "suid", "memory=1G,dev", "spill_timeout=5,io_uring=off",
                           "io_uring=off,spill_timeout=30"}) {
    EXPECT_EQ(warnings(list).size(), 1U) << list;
  }
  EXPECT_EQ(warnings("dev,suid").size(), 2U);
  EXPECT_TRUE(says(warnings("dev").at(0), "-o dev: no effect"));
  for (const char* list : {"nodev,nosuid,exec,defaults", "rw,noexec,dev,suid", "spill_timeout=5",
                           "io_uring=off", "spill_timeout=5,io_uring=auto"}) {
    EXPECT_EQ(warnings(list), std::vector<std::string>()) << list;
  }
}

TEST(MountOptions, PassFlagsOfTheKernelAndTakeThemBack) {
  EXPECT_EQ(words_of(accepted({"noexec,noatime,noexec"}).kernel_flags),
            (std::vector<std::string>{"noexec", "noatime"}));
  EXPECT_EQ(accepted({"noexec,sync", "exec,async"}).kernel_flags, 0U);
  EXPECT_EQ(words_of(accepted({"ro,rw,ro,nosymfollow"}).kernel_flags),
            (std::vector<std::string>{"ro", "nosymfollow"}));
}

TEST(MountOptions, AccessTimesAreAsTheKernelReadsTheWords) {
  using Kind = tree::AccessTimes::Kind;
  const auto kind = [](const char* list) {
    return access_times(accepted({list}).kernel_flags).kind;
  };
  EXPECT_EQ(kind(""), Kind::relative);
  EXPECT_EQ(kind("norelatime"), Kind::relative);
  EXPECT_EQ(kind("noatime"), Kind::never);
  EXPECT_EQ(kind("noatime,atime"), Kind::relative);
  EXPECT_EQ(kind("strictatime"), Kind::strict);
  EXPECT_EQ(kind("strictatime,noatime"), Kind::strict);
  EXPECT_EQ(kind("noatime,strictatime"), Kind::strict);
  EXPECT_EQ(kind("strictatime,nostrictatime"), Kind::relative);
  EXPECT_EQ(kind("noatime,relatime"), Kind::never);
  EXPECT_EQ(kind("strictatime,ro"), Kind::never);
  EXPECT_FALSE(access_times(accepted({"nodiratime"}).kernel_flags).directories);
  EXPECT_TRUE(access_times(accepted({"nodiratime,diratime"}).kernel_flags).directories);
}

TEST(MountOptions, UserQuotasAddUp) {
  const MountOptions options =
      accepted({"user_quota=root:1G:10,user_quota=4711:none", "user_quota=12:5%"});
  ASSERT_EQ(options.user_quotas.size(), 3U);
  EXPECT_EQ(options.user_quotas[0].uid, 0U);
  EXPECT_EQ(options.user_quotas[0].bytes, "1G");
  EXPECT_EQ(options.user_quotas[0].inodes, 10U);
  EXPECT_EQ(options.user_quotas[1].uid, 4711U);
  EXPECT_EQ(options.user_quotas[1].bytes, "none");
  EXPECT_EQ(options.user_quotas[1].inodes, kUnlimited);
  EXPECT_EQ(options.user_quotas[2].bytes, "5%");
}

TEST(MountOptions, TheSameUserQuotaTwiceIsFineAndAContradictionIsNot) {
  EXPECT_EQ(accepted({"user_quota=root:1G,user_quota=0:1G"}).user_quotas.size(), 1U);
  EXPECT_TRUE(says(refused("user_quota=root:1G,user_quota=0:2G"), "contradicts"));
}

TEST(MountOptions, RefuseUnknownOnesAndNameThem) {
  EXPECT_TRUE(says(refused("memroy=1G"), "memroy=1G: unknown option"));
  EXPECT_TRUE(says(refused("rw,frobnicate"), "frobnicate: unknown option"));
  EXPECT_TRUE(says(refused("MEMORY=1G"), "unknown option"));
}

TEST(MountOptions, RefuseWhatHasNoMeaningHereWithAReason) {
  EXPECT_TRUE(says(refused("remount,rw"), "remount"));
  EXPECT_TRUE(says(refused("allow_root"), "allow_other"));
}

TEST(MountOptions, RefuseValuesThatAreNone) {
  for (const char* list : {"memory=",
                           "memory=lots",
                           "memory=-1",
                           "memory=12X",
                           "memory=101%",
                           "spill=1..5G",
                           "spill_timeout=0",
                           "spill_timeout=1.5",
                           "spill_timeout=86401",
                           "quota=0",
                           "quota_warn=0",
                           "quota_warn=101%",
                           "quota_warn=-5%",
                           "quota_warn=%",
                           "quota_file=",
                           "subuid=",
                           "quota=x",
                           "quota_inodes=0",
                           "quota_inodes=-1",
                           "quota_inodes=1.5",
                           "inodes=",
                           "inodes=1K",
                           "lifetime=forever",
                           "lifetime=",
                           "claim=",
                           "claim=galaxy",
                           "create_mode=0644",
                           "io_uring=maybe",
                           "log_level=loud",
                           "spill_dir=",
                           "user_quota=root",
                           "user_quota=:1G",
                           "user_quota=root:x",
                           "user_quota=root:1G:x",
                           "user_quota=root:1G:1:1",
                           "user_quota=no-such-user-here:1G",
                           "user_quota=4294967295:1G"}) {
    EXPECT_TRUE(says(refused(list), list)) << list;
  }
}

TEST(MountOptions, RefuseAValueTooManyOrTooFew) {
  EXPECT_TRUE(says(refused("memory"), "needs a value"));
  EXPECT_TRUE(says(refused("allow_other=yes"), "takes no value"));
}

TEST(MountOptions, RefusalsStayOneLineWhateverWasGiven) {
  refused("memory=1\n2");
  refused("bad\noption");
}

TEST(MountOptions, ByteLimitsTakeNoneSizesAndShares) {
  EXPECT_EQ(*parse_byte_limit("none", 0), kUnlimited);
  EXPECT_EQ(*parse_byte_limit("2K", 0), 2048U);
  EXPECT_EQ(*parse_byte_limit("10%", 1000), 100U);
  EXPECT_FALSE(parse_byte_limit("10%", 0));
  EXPECT_FALSE(parse_byte_limit("0", 0));
}

}  // namespace
}  // namespace scratchfs::mount

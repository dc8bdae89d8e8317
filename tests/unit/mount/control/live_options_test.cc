#include "mount/control/live_options.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tests/unit/mount/control/reply_of.h"

namespace scratchfs::mount {
namespace {

LiveOptions live_options(const std::string& list) {
  const auto options = parse_live_options({list});
  if (!options) {
    ADD_FAILURE() << options.error().message;
    return {};
  }
  return *options;
}

Status status() {
  return reply_of<Status>({{"lifetime", "claimed"},
                           {"claim", "session"},
                           {"create_mode", "private"},
                           {"private_names", false},
                           {"confine", "auto"},
                           {"subuid", nullptr},
                           {"shared", true},
                           {"transport", {{"io_uring", true}}},
                           {"memory", {{"locked", false}}},
                           {"spill", {{"directory", "/tmp"}, {"timeout_seconds", 30}}},
                           {"files", {{"inodes_limit", 70000}}}});
}

std::string change_refused(const std::string& list) {
  const auto checked = check_unchanged(live_options(list).others, status());
  EXPECT_FALSE(checked) << list;
  return checked ? "" : checked.error().message;
}

TEST(LiveOptions, TellWhatIsToChangeAndWhatMustBeSoAlready) {
  const LiveOptions options = live_options(
      "rw,nosuid,memory=1G,quota=5%,user_quota=0:2G:7,lifetime=strict,remount,memory=2G,x-a=b");
  EXPECT_EQ(options.request.memory, "2G") << "the last counts";
  EXPECT_EQ(options.request.quota, "5%");
  EXPECT_FALSE(options.request.spill);
  EXPECT_FALSE(options.request.quota_inodes);
  ASSERT_EQ(options.request.user_quotas.size(), 1U);
  EXPECT_EQ(options.request.user_quotas[0].inodes, 7U);
  EXPECT_EQ(options.others, std::vector<std::string>{"lifetime=strict"});
}

TEST(LiveOptions, KeepTheKernelsFlagsInTheirOrder) {
  const LiveOptions options = live_options("remount,noatime,memory=1G,ro,atime");
  EXPECT_EQ(options.flags, (std::vector<std::string>{"noatime", "ro", "atime"}));
  EXPECT_TRUE(options.others.empty());
}

TEST(LiveOptions, PassOverWhatTheKernelTellsOfAMount) {
  const LiveOptions options = live_options(
      "rw,nosuid,nodev,relatime,seclabel,user_id=0,group_id=0,default_permissions,max_read=5");
  EXPECT_TRUE(options.others.empty());
}

TEST(LiveOptions, RefuseWhatNobodyKnowsAndWhatMakesNoSense) {
  for (const char* list : {"size=1G", "memory=lots", "memory", "quota=0"}) {
    const auto options = parse_live_options({list});
    ASSERT_FALSE(options) << list;
    EXPECT_EQ(options.error().exit_code, kUsage);
  }
}

TEST(LiveOptions, KeepCommasThatAreMeantInValues) {
  EXPECT_EQ(live_options("spill_dir=/a\\,b").others, std::vector<std::string>{"spill_dir=/a,b"});
}

TEST(LiveOptions, TakeWhatIsSoAlready) {
  for (const char* list :
       {"lifetime=claimed,claim=session,create_mode=private", "spill_dir=/tmp/../tmp",
        "inodes=70000", "io_uring=auto", "io_uring=on", "confine=auto", "subuid=none",
        "allow_other", "nonempty,fsname=x", "spill_timeout=30"}) {
    EXPECT_TRUE(check_unchanged(live_options(list).others, status())) << list;
  }
}

TEST(LiveOptions, RefuseWhatCannotBeChangedAndTellWhatCan) {
  for (const char* list :
       {"lifetime=strict", "claim=user", "create_mode=posix", "spill_dir=/", "inodes=5",
        "inodes=none", "io_uring=off", "noallow_other", "lock_memory", "supervise", "private_names",
        "confine=off", "quota_file=/x", "subuid=/x", "quota_warn=50%", "spill_timeout=5"}) {
    EXPECT_NE(change_refused(list).find("memory"), std::string::npos) << list;
  }
}

// Tries every option that is not live, and words that mount(8) and fstab(5) add.
TEST(LiveOptions, OfSetAreAllRefusedThatWouldHaveNoEffect) {
  std::vector<std::string> words = {"nosuid", "nofail", "x-a=b", "remount", "seclabel"};
  for (const MountOption& option : mount_options()) {
    if (option.live) continue;
    for (const char* value : {"", "=1", "=auto", "=none", "=claimed", "=user", "=posix", "=/x"}) {
      std::string word = std::string(option.name) + value;
      if (!is_kernel_flag(word) && parse_live_options({word})) words.push_back(std::move(word));
    }
  }
  EXPECT_GT(words.size(), 25U) << "each has a value that is taken";
  for (const std::string& word : words) {
    const auto checked = check_all_live(live_options("memory=1G," + word));
    ASSERT_FALSE(checked) << word;
    EXPECT_EQ(checked.error().message.find("-o " + word + ": cannot be changed"), 0U)
        << checked.error().message;
  }
  EXPECT_TRUE(check_all_live(
      live_options("memory=1G,spill=2G,quota=1G,quota_inodes=5,user_quota=0:1G,log_level=info")));
}

TEST(LiveOptions, FindRemountAmongTheOthers) {
  EXPECT_TRUE(asks_for_remount({"rw", "memory=1G,remount"}));
  EXPECT_FALSE(asks_for_remount({"rw,x-remount", "comment=remount"}));
  EXPECT_FALSE(asks_for_remount({}));
}

TEST(LiveOptions, AreOptions) {
  const auto options = mount_options();
  EXPECT_EQ(std::ranges::count(options, true, &MountOption::live), 6);
}

}  // namespace
}  // namespace scratchfs::mount

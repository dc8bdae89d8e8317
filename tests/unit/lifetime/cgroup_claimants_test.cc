#include "fs/lifetime/cgroup_claimants.h"

#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <iterator>
#include <optional>
#include <vector>

#include "tests/unit/lifetime/processes_fixture.h"

namespace scratchfs::lifetime {
namespace {

using base::Wait;

TEST(CgroupMountPoint, IsFoundInTheMountTable) {
  const auto mount = find_cgroup_mount(
      "33 28 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n"
      "34 28 0:30 /box /sys/fs/cgroup/unified rw,nosuid shared:9 - cgroup2 cgroup2 rw\n");
  EXPECT_EQ(mount.path, "/sys/fs/cgroup/unified");
  EXPECT_EQ(mount.root, "/box");
  EXPECT_EQ(find_cgroup_mount("34 28 0:30 / /a\\040place rw - cgroup2 cgroup2 rw\n").path,
            "/a place");
  EXPECT_EQ(find_cgroup_mount("36 35 98:0 / /mnt rw - ext3 /dev/root rw\n").path, "");
}

TEST(CgroupDirectory, IsWhereTheMountShowsTheGroup) {
  const CgroupMount whole{"/cg", "/"};
  EXPECT_EQ(cgroup_directory(whole, "1:cpu:/x\n0::/slurm/job_1\n"), "/cg/slurm/job_1");
  EXPECT_EQ(cgroup_directory(whole, "0::/\n"), "") << "the root group never ends";
  EXPECT_EQ(cgroup_directory(whole, "0::/../other\n"), "") << "of another cgroup namespace";
  EXPECT_EQ(cgroup_directory(whole, "0::/gone (deleted)\n"), "");
  EXPECT_EQ(cgroup_directory(whole, "1:cpu:/x\n"), "");
  const CgroupMount part{"/cg", "/box"};
  EXPECT_EQ(cgroup_directory(part, "0::/box/inner\n"), "/cg/inner");
  EXPECT_EQ(cgroup_directory(part, "0::/boxes\n"), "");
}

// A group below the root of the hierarchy; making one needs root.
class Cgroups : public testing::Test {
 protected:
  void SetUp() override {
    std::ifstream file("/proc/self/mountinfo");
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    const CgroupMount mount = find_cgroup_mount(text);
    ASSERT_NE(mount.path, "") << "no cgroup v2 is mounted here";
    directory_ = mount.path + "/scratchfs-test-" + std::to_string(getpid());
    ASSERT_EQ(mkdir(directory_.c_str(), 0755), 0) << directory_ << ": needs root";
    ASSERT_EQ(mkdir((directory_ + "/sub").c_str(), 0755), 0);
    auto made = CgroupClaimants::create();
    ASSERT_TRUE(made);
    kind_ = std::move(*made);
    ends_.emplace(*kind_);
  }
  void TearDown() override {
    ends_.reset();
    rmdir((directory_ + "/sub").c_str());
    EXPECT_EQ(rmdir(directory_.c_str()), 0) << errno;
  }
  ChildProcess in_group(const std::string& below = "") const {
    return ChildProcess([&] { std::ofstream(directory_ + below + "/cgroup.procs") << getpid(); });
  }
  ClaimantKey identify(const ChildProcess& child) {
    const auto identity = kind_->identify(child.caller(), Wait::yes);
    const auto* key = std::get_if<ClaimantKey>(&identity);
    EXPECT_NE(key, nullptr);
    return key == nullptr ? 0 : *key;
  }

  std::string directory_;
  std::unique_ptr<CgroupClaimants> kind_;
  std::optional<Ends> ends_;
};

TEST_F(Cgroups, AreSeenToEndWhateverTheirFirstWatchHadNoMemoryFor) {
  for (std::uint64_t spared = 0;; ++spared) {
    ChildProcess child = in_group();
    const auto key = identify(child);
    const bool happened = watch_with_failure(*kind_, key, child.pid(), spared);
    child.end();
    ASSERT_TRUE(ends_->comes(key)) << "the allocation after " << spared;
    if (!happened) return;
  }
}

TEST_F(Cgroups, AreAskedForOnlyByAThreadThatMayWait) {
  ChildProcess child = in_group();
  EXPECT_TRUE(std::holds_alternative<MustWait>(kind_->identify(child.caller(), Wait::no)));
  EXPECT_NE(identify(child), 0U);
  EXPECT_EQ(kind_->describe(identify(child), child.pid()),
            "cgroup /scratchfs-test-" + std::to_string(getpid()));
}

TEST_F(Cgroups, OfNoProcessHaveVanished) {
  ChildProcess child = in_group();
  const base::Caller caller = child.caller();
  child.end();
  EXPECT_TRUE(std::holds_alternative<Vanished>(kind_->identify(caller, Wait::yes)));
  EXPECT_TRUE(std::holds_alternative<Unknowable>(kind_->identify({}, Wait::yes)));
}

TEST_F(Cgroups, EndWithTheirLastProcessThoseBelowIncluded) {
  ChildProcess creator = in_group();
  ChildProcess below = in_group("/sub");
  const ClaimantKey key = identify(creator);
  kind_->watch(key, creator.pid());
  EXPECT_EQ(kind_->describe_now(std::vector{key}).front(),
            "cgroup /scratchfs-test-" + std::to_string(getpid()));
  creator.end();
  EXPECT_FALSE(ends_->comes(key, 0.4)) << "a group below has a process";
  below.end();
  EXPECT_TRUE(ends_->comes(key));
}

TEST_F(Cgroups, EndWithTheirLastProcessThoughItIsNotReaped) {
  ChildProcess creator = in_group();
  const ClaimantKey key = identify(creator);
  kind_->watch(key, creator.pid());
  creator.end_unreaped();
  EXPECT_TRUE(ends_->comes(key));
}

TEST_F(Cgroups, ThatClaimAgainAreWatchedOn) {
  std::optional<ChildProcess> creator(in_group());
  const ClaimantKey key = identify(*creator);
  kind_->watch(key, creator->pid());
  ends_->claim(key);
  creator.reset();
  EXPECT_TRUE(ends_->comes(key));
}

TEST_F(Cgroups, ThatAreRemovedHaveEnded) {
  std::optional<ChildProcess> creator(in_group("/sub"));
  const ClaimantKey key = identify(*creator);
  kind_->watch(key, creator->pid());
  creator->end();
  EXPECT_EQ(rmdir((directory_ + "/sub").c_str()), 0);
  EXPECT_TRUE(ends_->comes(key));
}

// A subgroup with permanent events: it is frozen and thawed all the time.
class BusyGroup {
 public:
  BusyGroup(std::string directory, CgroupClaimants& kind)
      : directory_(std::move(directory)), member_([&] {
          mkdir(directory_.c_str(), 0755);
          std::ofstream(directory_ + "/cgroup.procs") << getpid();
        }) {
    const auto identity = kind.identify(member_.caller(), Wait::yes);
    kind.watch(std::get<ClaimantKey>(identity), member_.pid());
    thread_ = std::thread([this] {
      for (bool frozen = true; !over_; frozen = !frozen) {
        std::ofstream(directory_ + "/cgroup.freeze") << frozen << std::flush;
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
      }
    });
  }
  ~BusyGroup() {
    over_ = true;
    thread_.join();
    member_.end();
    EXPECT_EQ(rmdir(directory_.c_str()), 0) << errno;
  }
  BusyGroup(const BusyGroup&) = delete;
  BusyGroup& operator=(const BusyGroup&) = delete;

 private:
  const std::string directory_;
  ChildProcess member_;
  std::atomic<bool> over_ = false;
  std::thread thread_;
};

// The kernel drops an event that comes less than 10 ms after another if the group is then removed.
TEST_F(Cgroups, ThatAreRemovedRightAfterTheirLastProcessHaveEndedHoweverBusyOthersAre) {
  const BusyGroup busy(directory_ + "/busy", *kind_);
  std::vector<ClaimantKey> keys;
  for (int i = 0; i < 20; ++i) {
    const std::string job = "/job" + std::to_string(i);
    ASSERT_EQ(mkdir((directory_ + job).c_str(), 0755), 0);
    ChildProcess member = in_group(job);
    keys.push_back(identify(member));
    kind_->watch(keys.back(), member.pid());
    member.end();
    EXPECT_EQ(rmdir((directory_ + job).c_str()), 0) << errno;
  }
  for (const ClaimantKey key : keys) EXPECT_TRUE(ends_->comes(key, 2)) << key;
}

}  // namespace
}  // namespace scratchfs::lifetime

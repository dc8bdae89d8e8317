#include "mount/daemon/guardian_watch.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <functional>
#include <new>
#include <string>
#include <vector>

namespace scratchfs::mount {
namespace {

using testing::Test;

mounts::Mount scratchfs(int id, const std::string& device, const std::string& mountpoint) {
  return {.id = {.number = id},
          .device = device,
          .path = mountpoint,
          .type = "fuse.scratchfs",
          .source = "s"};
}

constexpr std::uint64_t kUnique = (1ULL << 40) + 7;

// Runs the guardian's loop with a fake mount table and a daemon whose messages are sent beforehand.
class GuardianWatch : public Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends_.data()), 0);
  }
  void TearDown() override {
    ::close(ends_[0]);
    ::close(ends_[1]);
  }
  void daemon_says(const std::string& message) const {
    ASSERT_EQ(::send(ends_[0], message.data(), message.size(), 0), ssize_t(message.size()));
  }
  void daemon_has_mounted() const {
    daemon_says(mounted_message({.id = {.number = 40, .unique = kUnique}, .device = "0:35"}));
  }
  void daemon_dies() { ::shutdown(ends_[0], SHUT_RDWR); }

  // Runs the loop. `looks` are the mount tables that the guardian reads, one after another; the
  // last one then reflects what it detaches.
  Watched watch(std::vector<mounts::MountTable> looks) {
    looks_ = std::move(looks);
    GuardianHost host{.mounts = [this] { return look(); },
                      .detach = [this](const mounts::Mount& mount) { return detach(mount); },
                      .whereabouts = [this] { return whereabouts_; },
                      .before = before_,
                      .on_answer = [this] { ++answers_; },
                      .signals = signals_,
                      .on_signal = [this] { on_signal_(); }};
    if (each_period_) {
      host.period = std::chrono::milliseconds(1);
      host.each_period = each_period_;
    }
    return watch_daemon(ends_[1], host);
  }
  mounts::MountTable look() {
    if (looks_.size() > 1) {
      current_ = looks_.front();
      looks_.erase(looks_.begin());
    } else if (!looks_.empty()) {
      current_ = looks_.front();
      looks_.clear();
    }
    return current_;
  }
  bool detach(const mounts::Mount& mount) {
    if (!may_detach_) return false;
    detached_.push_back(mount.path);
    uniques_.push_back(mount.id.unique);
    std::erase_if(current_,
                  [&](const mounts::Mount& entry) { return entry.id.number == mount.id.number; });
    if (on_detach_) on_detach_();
    return true;
  }

  std::array<int, 2> ends_{};
  std::vector<mounts::MountTable> looks_;
  mounts::MountTable current_;
  mounts::MountTable before_;
  std::string whereabouts_ = "/scratch";
  std::vector<std::string> detached_;
  std::vector<std::uint64_t> uniques_;
  std::function<void()> on_detach_;
  bool may_detach_ = true;
  int answers_ = 0;
  int signals_ = -1;
  std::function<void()> on_signal_;
  std::function<void(const mounts::Mount* mount)> each_period_;
};

const mounts::Mount kRoot{
    .id = {.number = 1}, .device = "8:1", .path = "/", .type = "ext4", .source = "/dev/vda"};

TEST_F(GuardianWatch, DetachesTheMountOfADaemonThatDied) {
  const mounts::MountTable mounted{kRoot, scratchfs(40, "0:35", "/scratch")};
  daemon_has_mounted();
  daemon_dies();
  EXPECT_EQ(Watched::lost, watch({mounted}));
  EXPECT_EQ(detached_, std::vector<std::string>{"/scratch"});
}

TEST_F(GuardianWatch, DoesNotTakeWhatLiesAtThePathForTheDaemonsMount) {
  daemon_has_mounted();
  daemon_dies();
  EXPECT_EQ(Watched::left, watch({{kRoot, scratchfs(41, "0:36", "/scratch")}}));
  EXPECT_TRUE(detached_.empty());
}

TEST_F(GuardianWatch, TouchesNothingWhenDismissed) {
  daemon_has_mounted();
  daemon_says({kDismissMessage});
  daemon_dies();
  EXPECT_EQ(Watched::dismissed, watch({{kRoot, scratchfs(40, "0:35", "/scratch")}}));
  EXPECT_TRUE(detached_.empty());
}

TEST_F(GuardianWatch, TouchesNothingWhenTheMountIsGoneAlready) {
  daemon_has_mounted();
  daemon_dies();
  EXPECT_EQ(Watched::left, watch({{kRoot}}));
  EXPECT_TRUE(detached_.empty());
}

TEST_F(GuardianWatch, LeavesAnotherMountThatGotTheOldIdAlone) {
  daemon_has_mounted();
  daemon_dies();
  EXPECT_EQ(Watched::left, watch({{kRoot, scratchfs(40, "0:39", "/scratch")}}));
  EXPECT_TRUE(detached_.empty());
}

TEST_F(GuardianWatch, DetachesCopiesOfTheMountAndNoOthers) {
  daemon_has_mounted();
  daemon_dies();
  const mounts::MountTable mounted{kRoot, scratchfs(40, "0:35", "/scratch"),
                                   scratchfs(50, "0:35", "/bind"),
                                   scratchfs(51, "0:77", "/another")};
  EXPECT_EQ(Watched::lost, watch({mounted}));
  EXPECT_EQ(detached_, (std::vector<std::string>{"/scratch", "/bind"}));
  EXPECT_EQ(uniques_, (std::vector<std::uint64_t>{kUnique, 0})) << "a copy has a number of its own";
}

TEST_F(GuardianWatch, LeavesANewMountAloneThatGotTheNumbersOfOneJustDetached) {
  on_detach_ = [this] {
    current_.push_back(scratchfs(41, "0:35", "/another"));
    current_.push_back(scratchfs(40, "0:35", "/another still"));
  };
  daemon_has_mounted();
  daemon_dies();
  EXPECT_EQ(Watched::lost, watch({{kRoot, scratchfs(40, "0:35", "/scratch")}}));
  EXPECT_EQ(detached_, std::vector<std::string>{"/scratch"});
}

TEST_F(GuardianWatch, FollowsAMountThatWasMoved) {
  daemon_has_mounted();
  daemon_dies();
  EXPECT_EQ(Watched::left, watch({{kRoot, scratchfs(40, "0:35", "/moved")}}));
  EXPECT_EQ(detached_, std::vector<std::string>{"/moved"});
}

TEST_F(GuardianWatch, TheMountIsWhereItsDirectoryIs) {
  whereabouts_ = "/renamed/scratch";
  daemon_has_mounted();
  daemon_dies();
  EXPECT_EQ(Watched::lost, watch({{kRoot, scratchfs(40, "0:35", "/renamed/scratch")}}));
  EXPECT_EQ(detached_, std::vector<std::string>{"/renamed/scratch"});
}

TEST_F(GuardianWatch, DoesNotTakeAwayWhatLiesOnTopOfADeadMount) {
  daemon_has_mounted();
  daemon_dies();
  const mounts::Mount over{
      .id = {.number = 60}, .device = "0:60", .path = "/scratch", .type = "tmpfs", .source = "t"};
  EXPECT_EQ(Watched::left, watch({{kRoot, scratchfs(40, "0:35", "/scratch"), over}}));
  EXPECT_TRUE(detached_.empty());
}

TEST_F(GuardianWatch, CleansUpAfterADaemonThatDiedBeforeItCouldSayThatItMounted) {
  daemon_dies();
  EXPECT_EQ(Watched::lost, watch({{kRoot, scratchfs(40, "0:35", "/scratch")}}));
  EXPECT_EQ(detached_, std::vector<std::string>{"/scratch"});
}

TEST_F(GuardianWatch, WhatWasThereBeforeTheDaemonIsNotItsMount) {
  before_ = {kRoot, scratchfs(39, "0:34", "/elsewhere")};
  daemon_dies();
  EXPECT_EQ(Watched::lost, watch({{kRoot, scratchfs(39, "0:34", "/scratch")}}));
  EXPECT_TRUE(detached_.empty());
}

TEST_F(GuardianWatch, DoesNothingForADaemonThatDiedBeforeItMounted) {
  daemon_dies();
  EXPECT_EQ(Watched::lost, watch({{kRoot}}));
}

TEST_F(GuardianWatch, GivesUpWhereItMayNotDetach) {
  may_detach_ = false;
  daemon_has_mounted();
  daemon_dies();
  EXPECT_EQ(Watched::lost, watch({{kRoot, scratchfs(40, "0:35", "/scratch")}}));
}

TEST_F(GuardianWatch, TellsOfTheFirstAnswerAndOfSignals) {
  std::array<int, 2> pipe{};
  ASSERT_EQ(::pipe(pipe.data()), 0);
  ASSERT_EQ(::write(pipe[1], "s", 1), 1);
  signals_ = pipe[0];
  int signals = 0;
  on_signal_ = [&] {
    char byte = 0;
    EXPECT_EQ(::read(pipe[0], &byte, 1), 1);
    ++signals;
    EXPECT_EQ(answers_, 0) << "signals come first";
    daemon_has_mounted();
    daemon_says({kAnswersMessage});
    daemon_says({kDismissMessage});
  };
  EXPECT_EQ(Watched::dismissed, watch({{kRoot, scratchfs(40, "0:35", "/scratch")}}));
  EXPECT_EQ(signals, 1);
  EXPECT_EQ(answers_, 1);
  ::close(pipe[0]);
  ::close(pipe[1]);
}

TEST_F(GuardianWatch, LooksOnceInEachPeriodUntilTheDaemonDies) {
  int looks = 0;
  each_period_ = [&](const mounts::Mount* mount) {
    ASSERT_NE(mount, nullptr);
    EXPECT_EQ(mount->id.unique, kUnique);
    if (++looks == 3) daemon_dies();
  };
  daemon_has_mounted();
  EXPECT_EQ(Watched::lost, watch({{kRoot, scratchfs(40, "0:35", "/scratch")}}));
  EXPECT_EQ(looks, 3);
}

TEST_F(GuardianWatch, LooksAgainWhereThereWasNoMemoryForIt) {
  int looks = 0;
  each_period_ = [&](const mounts::Mount*) {
    if (++looks == 1) throw std::bad_alloc();
    daemon_dies();
  };
  daemon_has_mounted();
  EXPECT_EQ(Watched::lost, watch({{kRoot, scratchfs(40, "0:35", "/scratch")}}));
  EXPECT_EQ(looks, 2);
}

TEST_F(GuardianWatch, DetachesTheRestWhereThereWasNoMemoryForIt) {
  on_detach_ = [&] {
    if (detached_.size() == 1) throw std::bad_alloc();
  };
  daemon_has_mounted();
  daemon_dies();
  EXPECT_EQ(
      Watched::lost,
      watch({{kRoot, scratchfs(40, "0:35", "/scratch"), scratchfs(43, "0:35", "/home/copy")}}));
  EXPECT_EQ(detached_.size(), 2U);
}

TEST_F(GuardianWatch, TellsThatTheMountIsNoLongerWhatIsToBeSeen) {
  const mounts::MountTable mounted{kRoot, scratchfs(40, "0:35", "/scratch")};
  const mounts::MountTable another{kRoot, scratchfs(41, "0:36", "/scratch")};
  const mounts::MountTable covered{kRoot, scratchfs(40, "0:35", "/scratch"),
                                   scratchfs(41, "0:36", "/scratch")};
  std::vector<bool> told;
  each_period_ = [&](const mounts::Mount* mount) {
    told.push_back(mount != nullptr);
    if (told.size() == 4) daemon_says({kDismissMessage});
  };
  daemon_has_mounted();
  EXPECT_EQ(Watched::dismissed, watch({mounted, another, covered, {kRoot}}));
  EXPECT_EQ(told, (std::vector<bool>{true, false, false, false}));
}

}  // namespace
}  // namespace scratchfs::mount

#include "mount/options/mount_plan.h"

#include <gtest/gtest.h>
#include <sys/mount.h>

#include <string>

#include "tests/units.h"

namespace scratchfs::mount {
namespace {

Surroundings a_machine() {
  return Surroundings{.machine = {.memory = 16 * kGiB, .limited_by_cgroup = false},
                      .spill_free = 100 * kGiB,
                      .uid = 0,
                      .gid = 0};
}

MountPlan planned(const MountOptions& options, const Surroundings& surroundings = a_machine()) {
  auto plan = make_plan(options, surroundings);
  if (!plan) {
    ADD_FAILURE() << plan.error().message;
    return {};
  }
  return *plan;
}

std::string plan_refused(const MountOptions& options,
                         const Surroundings& surroundings = a_machine()) {
  const auto plan = make_plan(options, surroundings);
  if (plan) {
    ADD_FAILURE() << "was accepted";
    return {};
  }
  EXPECT_EQ(plan.error().exit_code, kUsage);
  return plan.error().message;
}

TEST(MountPlan, TakesAQuarterOfMemoryAndMostOfTheDiskByDefault) {
  const MountPlan plan = planned({});
  EXPECT_EQ(plan.store.memory, 4 * kGiB);
  EXPECT_EQ(plan.store.spill, 80 * kGiB);
  EXPECT_EQ(plan.ledger.everyone.bytes, quota::kUnlimited);
  EXPECT_EQ(plan.ledger.total_inodes, 4 * kGiB / kMemoryPerInode);
  EXPECT_TRUE(plan.warnings.empty());
}

TEST(MountPlan, RefusesABudgetAboveTheMachine) {
  MountOptions options;
  options.memory = "17G";
  EXPECT_NE(plan_refused(options).find("the machine has only 16.0G"), std::string::npos);
  Surroundings contained = a_machine();
  contained.machine = {.memory = kGiB, .limited_by_cgroup = true};
  options.memory = "2G";
  EXPECT_NE(plan_refused(options, contained).find("control group"), std::string::npos);
}

TEST(MountPlan, RefusesABudgetThatIsTooSmallButNotAShareOfATinyMachine) {
  MountOptions options;
  options.memory = "1M";
  EXPECT_NE(plan_refused(options).find("least"), std::string::npos);
  Surroundings tiny = a_machine();
  tiny.machine.memory = 16 * kMiB;
  options.memory = "25%";
  EXPECT_EQ(planned(options, tiny).store.memory, store::kMinBudget);
}

TEST(MountPlan, SpillsNothingIfToldSo) {
  MountOptions options;
  options.spill = "0";
  EXPECT_FALSE(wants_spill(options));
  Surroundings surroundings = a_machine();
  surroundings.spill_free = 0;
  const MountPlan plan = planned(options, surroundings);
  EXPECT_EQ(plan.store.spill, 0U);
  EXPECT_TRUE(plan.warnings.empty());
}

TEST(MountPlan, WarnsWhereTheDiskCannotTakeWhatMaySpill) {
  MountOptions options;
  options.spill = "200G";
  const MountPlan more = planned(options);
  EXPECT_EQ(more.store.spill, 200 * kGiB);
  ASSERT_EQ(more.warnings.size(), 1U);
  EXPECT_NE(more.warnings[0].find("100.0G"), std::string::npos);

  Surroundings full = a_machine();
  full.spill_free = 0;
  const MountPlan none = planned({}, full);
  EXPECT_EQ(none.store.spill, 0U);
  EXPECT_EQ(none.warnings.size(), 1U);
}

TEST(MountPlan, QuotaPercentagesAreOfMemoryAndSpillTogether) {
  MountOptions options;
  options.memory = "4G";
  options.spill = "96G";
  options.quota = "10%";
  options.quota_inodes = 77;
  options.user_quotas = {{.uid = 5, .bytes = "20%", .inodes = 9}, {.uid = 6, .bytes = "none"}};
  const MountPlan plan = planned(options);
  EXPECT_EQ(plan.ledger.everyone, (quota::Limits{10 * kGiB, 77}));
  EXPECT_EQ(plan.ledger.overrides.at(5), (quota::Limits{20 * kGiB, 9}));
  EXPECT_EQ(plan.ledger.overrides.at(6), (quota::Limits{quota::kUnlimited, quota::kUnlimited}));
}

TEST(MountPlan, RootSharesItsMountAndOthersDoNotUnlessTheySaySo) {
  MountOptions options;
  const MountPlan root = planned(options);
  EXPECT_TRUE(root.session.allow_other);
  EXPECT_EQ(root.tree.root_mode, 01777U);

  Surroundings user = a_machine();
  user.uid = 1000;
  user.gid = 100;
  const MountPlan own = planned(options, user);
  EXPECT_FALSE(own.session.allow_other);
  EXPECT_EQ(own.tree.root_mode, 0700U);
  EXPECT_EQ(own.tree.owner, 1000U);
  EXPECT_EQ(own.tree.group, 100U);

  options.allow_other = true;
  EXPECT_TRUE(planned(options, user).session.allow_other);
  options.allow_other = false;
  EXPECT_EQ(planned(options).tree.root_mode, 0700U);
}

TEST(MountPlan, KeepsALeastNumberOfInodesAndTakesOneThatIsSaid) {
  MountOptions options;
  options.memory = "8M";
  EXPECT_EQ(planned(options).ledger.total_inodes, kLeastInodes);
  options.inodes = 12;
  EXPECT_EQ(planned(options).ledger.total_inodes, 12U);
}

TEST(MountPlan, PassesTheNameAndTheKernelsFlags) {
  MountOptions options;
  EXPECT_EQ(planned(options).session.source, "scratchfs");
  options.source = "job7";
  options.kernel_flags = MS_NOEXEC;
  const MountPlan plan = planned(options);
  EXPECT_EQ(plan.session.source, "job7");
  EXPECT_EQ(plan.session.mount_options, std::vector<std::string>{"noexec"});
}

}  // namespace
}  // namespace scratchfs::mount

#include "fs/kernel/transport/io_uring_choice.h"

#include <gtest/gtest.h>

#include <cerrno>

namespace scratchfs::kernel {
namespace {

IoUringFacts good_facts() {
  return {.parameter = IoUringFacts::Parameter::enabled,
          .ring_error = 0,
          .unknown_setup = 0,
          .possible_cpus = 4,
          .configured_cpus = 4,
          .may_enable = true};
}

IoUringChoice chosen(IoUring wish, const IoUringFacts& facts) {
  auto choice = choose_io_uring(wish, facts);
  EXPECT_TRUE(choice);
  return *choice;
}

std::string refusal(const IoUringFacts& facts) {
  auto choice = choose_io_uring(IoUring::on, facts);
  EXPECT_FALSE(choice);
  return choice ? "" : choice.error().message;
}

TEST(IoUringChoice, TakesItWhereEverythingIsThere) {
  for (const IoUring wish : {IoUring::automatic, IoUring::on}) {
    const IoUringChoice choice = chosen(wish, good_facts());
    EXPECT_TRUE(choice.use);
    EXPECT_FALSE(choice.must_enable);
    EXPECT_EQ(choice.why_not, "");
  }
}

TEST(IoUringChoice, OffIsOffAndNeedsNoReason) {
  const IoUringChoice choice = chosen(IoUring::off, good_facts());
  EXPECT_FALSE(choice.use);
  EXPECT_EQ(choice.why_not, "");
}

TEST(IoUringChoice, OnlyAWishForItSwitchesItOnForTheWholeMachine) {
  IoUringFacts facts = good_facts();
  facts.parameter = IoUringFacts::Parameter::disabled;
  EXPECT_TRUE(chosen(IoUring::on, facts).must_enable);
  EXPECT_TRUE(chosen(IoUring::on, facts).use);
  EXPECT_FALSE(chosen(IoUring::automatic, facts).use);
  EXPECT_NE(chosen(IoUring::automatic, facts).why_not, "");
}

TEST(IoUringChoice, WhoMayNotSwitchItOnIsToldWhatToDo) {
  IoUringFacts facts = good_facts();
  facts.parameter = IoUringFacts::Parameter::disabled;
  facts.may_enable = false;
  EXPECT_NE(refusal(facts).find("echo Y > /sys/module/fuse/parameters/enable_uring"),
            std::string::npos);
}

// If the number of rings is not the one the kernel expects, every request hangs.
TEST(IoUringChoice, NeverTakesItWithAnotherNumberOfRingsThanTheKernelWants) {
  IoUringFacts facts = good_facts();
  facts.possible_cpus = 8;
  EXPECT_FALSE(chosen(IoUring::automatic, facts).use);
  EXPECT_NE(refusal(facts).find("8 possible CPUs"), std::string::npos);
  facts.possible_cpus = 0;  // the list could not be read
  EXPECT_FALSE(chosen(IoUring::automatic, facts).use);
}

TEST(IoUringChoice, FallsBackWhereTheKernelOrTheContainerHasNone) {
  IoUringFacts facts = good_facts();
  facts.parameter = IoUringFacts::Parameter::missing;
  EXPECT_FALSE(chosen(IoUring::automatic, facts).use);
  EXPECT_NE(refusal(facts), "");
  facts = good_facts();
  facts.ring_error = EPERM;
  EXPECT_NE(chosen(IoUring::automatic, facts).why_not.find("not permitted"), std::string::npos);
  EXPECT_NE(refusal(facts).find("io_uring=off"), std::string::npos);
}

TEST(IoUringChoice, NeverTakesRingsThatAreSubmittedInAnUnknownWay) {
  IoUringFacts facts = good_facts();
  facts.unknown_setup = 1U << 20;
  EXPECT_FALSE(chosen(IoUring::automatic, facts).use);
  EXPECT_NE(refusal(facts).find("flags 0x100000"), std::string::npos);
}

TEST(CountCpus, ReadsTheKernelsLists) {
  EXPECT_EQ(count_cpus("0"), 1);
  EXPECT_EQ(count_cpus("0-1"), 2);
  EXPECT_EQ(count_cpus("0-3,8,10-11"), 7);
  EXPECT_EQ(count_cpus(""), 0);
  EXPECT_EQ(count_cpus("none"), 0);
  EXPECT_EQ(count_cpus("3-1"), 0);
  EXPECT_EQ(count_cpus("0-3x"), 0);
}

TEST(IoUringFacts, KnowTheRingsOfThisMachine) { EXPECT_EQ(io_uring_facts().unknown_setup, 0U); }

TEST(IoUringFacts, KnowAtLeastOneCpu) { EXPECT_GE(io_uring_facts().possible_cpus, 1); }

}  // namespace
}  // namespace scratchfs::kernel

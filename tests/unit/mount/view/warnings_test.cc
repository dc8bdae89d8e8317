#include "mount/view/warnings.h"

#include <gtest/gtest.h>

#include "tests/unit/mount/control/reply_of.h"

namespace scratchfs::mount {
namespace {

std::vector<std::string> codes(const Json& status, const std::vector<std::string>& swap = {}) {
  std::vector<std::string> all;
  for (const Warning& warning : warnings_of(reply_of<Status>(status), swap)) {
    all.push_back(warning.code);
    EXPECT_FALSE(warning.text.empty());
  }
  return all;
}

Json spill(std::uint64_t limit, std::uint64_t used, Json disk_free) {
  return {
      {"spill",
       {{"directory", "/var/tmp"}, {"limit", limit}, {"used", used}, {"disk_free", disk_free}}}};
}

using Codes = std::vector<std::string>;

TEST(Warnings, NothingToSayOfAHealthyMount) {
  EXPECT_EQ(codes(Json::object()), Codes());
  EXPECT_EQ(codes(spill(1000, 500, 5000)), Codes());
  EXPECT_EQ(codes(spill(0, 0, nullptr)), Codes());
  EXPECT_EQ(codes(spill(1000, 0, nullptr)), Codes());
}

TEST(Warnings, SpillSpaceRunsOut) {
  EXPECT_EQ(codes(spill(1000, 900, 5000)), Codes());
  EXPECT_EQ(codes(spill(1000, 901, 5000)), Codes{"spill_nearly_full"});
}

TEST(Warnings, TheDiskRunsOutBeforeTheLimit) {
  EXPECT_EQ(codes(spill(1000, 500, 100)), Codes());
  EXPECT_EQ(codes(spill(1000, 500, 99)), Codes{"spill_disk_nearly_full"});
  // The disk has little space left, but enough for what the limit still allows.
  EXPECT_EQ(codes(spill(1000, 950, 60)), Codes{"spill_nearly_full"});
}

// Makes a status with one user.
Json user(Json percent, std::uint64_t bytes, Json bytes_limit, std::uint64_t inodes = 0,
          Json inodes_limit = nullptr) {
  return {{"quota_warn_percent", percent},
          {"users",
           {{{"uid", 4000000000U},
             {"bytes", bytes},
             {"bytes_limit", bytes_limit},
             {"inodes", inodes},
             {"inodes_limit", inodes_limit}}}}};
}

TEST(Warnings, UsersWhoComeToTheShareThatTheLogTellsOf) {
  const auto warnings = warnings_of(reply_of<Status>(user(90, 90, 100, 5, 5)), {});
  ASSERT_EQ(warnings.size(), 2U);
  EXPECT_EQ(warnings[0].text, "4000000000 uses 90% of the bytes allowed");
  EXPECT_EQ(warnings[1].text, "4000000000 uses 100% of the inodes allowed");
  EXPECT_EQ(codes(user(90, 89, 100)), Codes());
  EXPECT_EQ(codes(user(90, 91, nullptr)), Codes());
  EXPECT_EQ(codes(user(50, 50, 100)), Codes{"user_nearly_full"});
  EXPECT_EQ(codes(user(100, 99, 100)), Codes());
  EXPECT_EQ(codes(user(100, 100, 100)), Codes{"user_nearly_full"});
}

TEST(Warnings, NoUserWhereNobodyShallBeToldOf) {
  EXPECT_EQ(codes(user(nullptr, 100, 100)), Codes()) << "quota_warn=none";
  EXPECT_EQ(codes(user(90, 0, 0)), Codes()) << "who may have nothing is not near it";
}

TEST(Warnings, SwapInClear) {
  EXPECT_EQ(codes(Json::object(), {"/dev/sda2"}), Codes{"swap_in_clear"});
}

TEST(Warnings, Damage) {
  EXPECT_EQ(codes({{"spill", {{"blocks_corrupt", 2}, {"write_errors", 0}}}}),
            Codes{"blocks_corrupt"});
  EXPECT_EQ(codes({{"spill", {{"blocks_corrupt", 0}, {"write_errors", 1}}}}),
            Codes{"spill_write_errors"});
}

}  // namespace
}  // namespace scratchfs::mount

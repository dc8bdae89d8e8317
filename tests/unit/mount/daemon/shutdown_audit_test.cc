#include "mount/daemon/shutdown_audit.h"

#include <gtest/gtest.h>

namespace scratchfs::mount {
namespace {

using Lines = std::vector<std::string>;

TEST(SettledDifferences, AreThoseThatStay) {
  const auto audit = [] { return Lines{"drift"}; };
  EXPECT_EQ(settled_differences([] { return false; }, audit, std::chrono::milliseconds(1)),
            Lines{"drift"});
}

TEST(SettledDifferences, AreNotThoseOfWhatIsUnderWay) {
  int audits = 0;
  const auto audit = [&] { return ++audits < 3 ? Lines{"drift"} : Lines{}; };
  EXPECT_EQ(settled_differences([] { return false; }, audit, std::chrono::hours(1)), Lines{});
  EXPECT_EQ(audits, 3);
}

TEST(SettledDifferences, AreLookedForOnceNothingIsUnderWay) {
  int looks = 0;
  const auto is_busy = [&] { return ++looks < 3; };
  const auto audit = [&] { return looks < 3 ? Lines{"drift"} : Lines{}; };
  EXPECT_EQ(settled_differences(is_busy, audit, std::chrono::hours(1)), Lines{});
  EXPECT_EQ(looks, 3);
}

TEST(SettledDifferences, AreToldWhereItGoesOnAllTheTime) {
  const auto audit = [] { return Lines{"drift"}; };
  EXPECT_EQ(settled_differences([] { return true; }, audit, std::chrono::milliseconds(1)),
            Lines{"drift"});
}

}  // namespace
}  // namespace scratchfs::mount

#include "mount/status.h"

#include <gtest/gtest.h>

#include "mount/user_table.h"

namespace scratchfs::mount {
namespace {

TEST(Status, TellsDurationsInTwoUnitsAtMost) {
  EXPECT_EQ(show_duration(0), "0 s");
  EXPECT_EQ(show_duration(59), "59 s");
  EXPECT_EQ(show_duration(60), "1 min");
  EXPECT_EQ(show_duration(3 * 3600 + 12 * 60 + 5), "3 h 12 min");
  EXPECT_EQ(show_duration(2 * 86400 + 3600), "2 d 1 h");
}

TEST(Status, UsersComeInAnAlignedTableWithNames) {
  const Json users = Json::array({{{"uid", 0},
                                   {"bytes", 512},
                                   {"bytes_limit", nullptr},
                                   {"inodes", 3},
                                   {"inodes_limit", nullptr}},
                                  {{"uid", 4000000000U},
                                   {"bytes", 1536},
                                   {"bytes_limit", 1 << 30},
                                   {"inodes", 12},
                                   {"inodes_limit", 100}}});
  EXPECT_EQ(show_users(users),
            "USER        BYTES  LIMIT  INODES  LIMIT\n"
            "root          512   none       3   none\n"
            "4000000000   1.5K   1.0G      12    100\n");
}

TEST(Status, NamesAreAddedForPrograms) {
  Json users = Json::array({{{"uid", 0}}, {{"uid", 4000000000U}}});
  add_names(users);
  EXPECT_EQ(users[0]["user"], "root");
  EXPECT_TRUE(users[1]["user"].is_null());
}

TEST(Status, ShowsWhateverADaemonLeavesOut) { EXPECT_FALSE(show_status(Json::object()).empty()); }

TEST(Status, WarnsOfDamage) {
  const Json status = {{"spill", {{"blocks_corrupt", 2}, {"write_errors", 0}}}};
  const std::string text = show_status(status);
  EXPECT_NE(text.find("2 spilled blocks"), std::string::npos) << text;
  EXPECT_EQ(text.find("writes to the spill files"), std::string::npos) << text;
}

}  // namespace
}  // namespace scratchfs::mount

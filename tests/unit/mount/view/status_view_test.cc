#include "mount/view/status_view.h"

#include <gtest/gtest.h>

#include "mount/view/user_table.h"
#include "tests/unit/mount/control/reply_of.h"

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
  EXPECT_EQ(show_users(reply_of<Quota>({{"users", users}}).users),
            "USER        BYTES  LIMIT  INODES  LIMIT\n"
            "root          512   none       3   none\n"
            "4000000000   1.5K   1.0G      12    100\n");
}

TEST(Status, ShowsWhateverADaemonLeavesOut) {
  EXPECT_FALSE(show_status(reply_of<Status>(Json::object())).empty());
}

TEST(Status, ShowsWarnings) {
  const Json status = {{"warnings", {{{"code", "some"}, {"text", "something is wrong"}}}}};
  EXPECT_NE(show_status(reply_of<Status>(status)).find("\nwarning    something is wrong\n"),
            std::string::npos);
}

TEST(Status, ShowsTheKindsOfRequestsByTheirRate) {
  Json kinds = Json::object();
  for (int i = 1; i <= 8; ++i) {
    kinds["KIND" + std::to_string(i)] = {
        {"total", 100 * i}, {"per_second", 0.5 * i}, {"p50_ns", 4100 * i}, {"p99_ns", 30000 * i}};
  }
  kinds["IDLE"] = {{"total", 5}, {"per_second", 0.0}, {"p50_ns", nullptr}, {"p99_ns", nullptr}};
  const Json status = {{"requests", {{"recent_seconds", 60.2}, {"kinds", kinds}}}};
  const std::string text = show_status(reply_of<Status>(status));
  EXPECT_NE(text.find("requests   18.0 a second in the last 1 min\n"
                      "\n"
                      "REQUEST  A SECOND    P50     P99  EVER\n"
                      "KIND8         4.0  33 us  240 us   800\n"
                      "KIND7         3.5  29 us  210 us   700\n"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("\n2 more kinds\n"), std::string::npos) << text;
  EXPECT_EQ(text.find("IDLE"), std::string::npos);
}

TEST(Status, TellsWhoHoldsAndWhatWasDeleted) {
  const Json status = {{"files",
                        {{"held_by", {{"handles", 2}, {"claims", 0}, {"directories", 12}}},
                         {"deleted_unheld", 3},
                         {"deleted_for", {{"handle_closed", 1}, {"claim_ended", 2}}}}}};
  const std::string text = show_status(reply_of<Status>(status));
  EXPECT_NE(text.find("held       2 by handles, 12 by directories\n"), std::string::npos) << text;
  EXPECT_NE(text.find("deleted    3: 1 at a close, 2 with their claim\n"), std::string::npos);
}

TEST(Status, TellsTimesInTheUnitThatFits) {
  EXPECT_EQ(show_latency(940), "940 ns");
  EXPECT_EQ(show_latency(4096), "4.1 us");
  EXPECT_EQ(show_latency(999'900), "1.0 ms");
  EXPECT_EQ(show_latency(12'345'678), "12 ms");
  EXPECT_EQ(show_latency(90'000'000'000), "90 s");
}

TEST(Status, UsersHaveWhatACensusFound) {
  const Json users = Json::array({{{"uid", 0},
                                   {"bytes", 6144},
                                   {"bytes_limit", nullptr},
                                   {"inodes", 3},
                                   {"inodes_limit", nullptr},
                                   {"in_memory", 2048},
                                   {"spilled", 4096},
                                   {"oldest_file", 1000}},
                                  {{"uid", 4000000000U}}});
  EXPECT_EQ(show_users_in_full(reply_of<Status>({{"users", users}}).users, 1000 + 3 * 3600),
            "USER        BYTES  LIMIT  INODES  LIMIT  MEMORY  SPILLED     OLDEST\n"
            "root         6.0K   none       3   none    2.0K     4.0K  3 h 0 min\n"
            "4000000000      0   none       0   none       0        0          -\n");
}

}  // namespace
}  // namespace scratchfs::mount

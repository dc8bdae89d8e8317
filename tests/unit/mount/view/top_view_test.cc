#include "mount/view/top_view.h"

#include <gtest/gtest.h>

#include "tests/unit/mount/control/reply_of.h"

namespace scratchfs::mount {
namespace {

using Lines = std::vector<std::string>;

Json process(int pid, const std::string& command, std::uint64_t written, std::int64_t since,
             bool living = true) {
  return {{"pid", pid},       {"uid", 4000000000U}, {"session", 7},   {"command", command},
          {"living", living}, {"written", written}, {"since", since}, {"last", 990}};
}

Top answer(std::uint64_t clock_ms, const Json& processes) {
  return reply_of<Top>({{"mountpoint", "/scratch"},
                        {"clock_ms", clock_ms},
                        {"now", 1000},
                        {"memory", {{"used", 1 << 20}, {"budget", 1 << 30}}},
                        {"spill", {{"directory", nullptr}}},
                        {"users", Json::array({{{"uid", 4000000000U},
                                                {"bytes", 4096},
                                                {"bytes_limit", nullptr},
                                                {"inodes", 2},
                                                {"written", 9 << 20}}})},
                        {"sessions", Json::array()},
                        {"processes", processes}});
}

TopChoice by(TopBy who, TopSort sort = TopSort::rate) { return {.by = who, .sort = sort}; }

TEST(TopView, RatesAreOfTheTimeBetweenTheAnswers) {
  const Top before = answer(1000, Json::array({process(10, "dd", 1 << 20, 940)}));
  const Top now =
      answer(3000, Json::array({process(10, "dd", 5 << 20, 940), process(11, "cat", 1024, 998)}));
  const TopPage page = top_page(before, now, by(TopBy::process));
  EXPECT_EQ(page.head,
            (Lines{"scratchfs /scratch: 2 processes, 2.0M/s written", "memory 1.0M of 1.0G"}));
  EXPECT_EQ(page.columns, "COMMAND  PID        USER  WRITTEN  WRITES  SINCE  IDLE");
  EXPECT_EQ(page.rows, (Lines{"dd        10  4000000000     5.0M  2.0M/s  1 min  10 s",
                              "cat       11  4000000000     1.0K   512/s    2 s  10 s"}));
}

TEST(TopView, ProcessesThatEndedAreToldSo) {
  const Top now = answer(1, Json::array({process(10, "", 1, 999, false)}));
  const TopPage page = top_page(now, now, by(TopBy::process));
  EXPECT_EQ(page.rows, Lines{"-         10  4000000000        1     0/s    1 s  ended"});
}

TEST(TopView, AProcessWithTheNumberOfAnotherIsNotThatOne) {
  const Top before = answer(0, Json::array({process(10, "old", 1 << 20, 900)}));
  const Top now = answer(1000, Json::array({process(10, "new", 2 << 20, 999)}));
  const TopPage page = top_page(before, now, by(TopBy::process));
  EXPECT_NE(page.rows[0].find(" 2.0M/s "), std::string::npos) << page.rows[0];
}

TEST(TopView, RowsAreSortedAsAsked) {
  const Top before = answer(0, Json::array({process(1, "b", 900, 10), process(2, "a", 5, 30)}));
  const Top now = answer(1000, Json::array({process(1, "b", 900, 10), process(2, "a", 500, 30),
                                            process(3, "c", 300, 20)}));
  const auto first_letters = [&](TopSort sort) {
    std::string letters;
    for (const std::string& row : top_page(before, now, by(TopBy::process, sort)).rows)
      letters += row[0];
    return letters;
  };
  EXPECT_EQ(first_letters(TopSort::rate), "acb");
  EXPECT_EQ(first_letters(TopSort::bytes), "bac");
  EXPECT_EQ(first_letters(TopSort::since), "bca");
  EXPECT_EQ(first_letters(TopSort::name), "abc");
}

TEST(TopView, UsersShowWhatTheyUse) {
  const Top now = answer(1, Json::array());
  EXPECT_EQ(top_page(now, now, by(TopBy::user)).rows,
            Lines{"4000000000  4.0K   none       2     9.0M     0/s"});
}

TEST(TopView, ARowOfTheLongestWordsFitsEightyColumns) {
  Json row = process(4194304, std::string(100, 'x'), ~std::uint64_t{0}, 1000 - 24 * 3600 + 60);
  row["last"] = 1000 - 24 * 3600 + 60;
  const Top now = answer(1000, Json::array({row}));
  for (const std::string& line : top_page(answer(0, Json::array()), now, by(TopBy::process)).rows)
    EXPECT_LE(line.size(), 80U) << line;
}

TEST(TopView, WhatIsNotPrintableIsNotPrinted) {
  const Top now = answer(1, Json::array({process(10, "a\x1b[2Jb", 1, 999)}));
  EXPECT_TRUE(top_page(now, now, by(TopBy::process)).rows[0].starts_with("a?[2Jb "));
}

TEST(TopView, LinesAreCutToTheScreenAndTheHeadingStays) {
  TopPage page{.head = {"head", "memory"}, .columns = "COLUMNS", .rows = {"one", "two", "three"}};
  EXPECT_EQ(lay_out(page, {}, 80, 6), (Lines{"head", "memory", "", "COLUMNS", "one", "two"}));
  EXPECT_EQ(lay_out(page, {.first = 2}, 80, 6), (Lines{"head", "memory", "", "COLUMNS", "three"}));
  EXPECT_EQ(lay_out(page, {.first = 9}, 3, 0), (Lines{"hea", "mem", "", "COL"}));
  EXPECT_EQ(lay_out(page, {}, 80, 1), Lines{"head"});
}

TEST(TopView, KeysChooseAndQEnds) {
  TopChoice choice{.first = 5};
  EXPECT_TRUE(press(choice, 'p'));
  EXPECT_EQ(choice.by, TopBy::process);
  EXPECT_EQ(choice.first, 0U);
  EXPECT_TRUE(press(choice, 'b'));
  EXPECT_EQ(choice.sort, TopSort::bytes);
  EXPECT_TRUE(press(choice, 'x'));
  EXPECT_EQ(choice.sort, TopSort::bytes);
  EXPECT_FALSE(press(choice, 'q'));
}

TEST(TopView, ScrollingEndsWithTheLastPage) {
  TopChoice choice;
  scroll(choice, TopKey::up, 30, 10);
  EXPECT_EQ(choice.first, 0U);
  scroll(choice, TopKey::page_down, 30, 10);
  scroll(choice, TopKey::down, 30, 10);
  EXPECT_EQ(choice.first, 11U);
  scroll(choice, TopKey::page_down, 30, 10);
  EXPECT_EQ(choice.first, 20U);
  scroll(choice, TopKey::page_up, 30, 10);
  EXPECT_EQ(choice.first, 10U);
  scroll(choice, TopKey::top, 30, 10);
  EXPECT_EQ(choice.first, 0U);
  scroll(choice, TopKey::page_down, 3, 10);
  EXPECT_EQ(choice.first, 0U);
}

}  // namespace
}  // namespace scratchfs::mount

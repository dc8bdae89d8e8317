// Checks the text exposition format line by line, and with promtool if that is installed.
#include "mount/view/prometheus.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <map>
#include <regex>
#include <set>
#include <sstream>

#include "tests/unit/mount/control/reply_of.h"

namespace scratchfs::mount {
namespace {

Json user(unsigned uid, std::uint64_t bytes) {
  return {{"uid", uid},   {"bytes", bytes},           {"bytes_limit", 1 << 20},
          {"inodes", 3},  {"inodes_limit", nullptr},  {"in_memory", bytes},
          {"spilled", 0}, {"oldest_file", 1700000000}};
}

Json full_status() {
  return {
      {"program", "0.1.0"},
      {"mountpoint", "/scratch \"quoted\"\\"},
      {"lifetime", "claimed"},
      {"mounted_since", 1700000000},
      {"transport", {{"io_uring", true}, {"parked", 2}, {"parked_total", 7}}},
      {"memory", {{"budget", 1000}, {"used", 10}, {"reserve", 5}}},
      {"spill",
       {{"directory", "/var/tmp"},
        {"limit", 500},
        {"used", 20},
        {"disk_free", nullptr},
        {"blocks_spilled", 1},
        {"blocks_fetched", 2},
        {"blocks_corrupt", 0},
        {"write_errors", 0}}},
      {"files",
       {{"bytes", 4096},
        {"inodes", 2},
        {"inodes_limit", nullptr},
        {"open_handles", 1},
        {"held_by", {{"handles", 1}, {"claims", 2}}},
        {"deleted_for", {{"handle_closed", 9}}}}},
      {"requests",
       {{"bounds_ns", {1024, 4096}},
        {"kinds",
         {{"WRITE", {{"total", 5}, {"sum_ns", 12345}, {"below_bounds", {1, 4}}}},
          {"READ", {{"total", 2}, {"sum_ns", 100}, {"below_bounds", {2, 2}}}}}}}},
      {"users", {user(0, 100), user(4000000000U, 200)}},
      {"warnings", {{{"code", "user_nearly_full"}, {"text", "..."}}}},
  };
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

// Returns the name of the family that a sample belongs to.
std::string family_of(const std::string& name, const std::map<std::string, std::string>& types) {
  for (const std::string suffix : {"_bucket", "_sum", "_count"}) {
    const std::string stem =
        name.ends_with(suffix) ? name.substr(0, name.size() - suffix.size()) : "";
    const auto found = types.find(stem);
    if (found != types.end() && found->second == "histogram") return stem;
  }
  return name;
}

void expect_well_formed(const std::string& text) {
  static const std::regex kHelp("# HELP ([a-zA-Z_:][a-zA-Z0-9_:]*) \\S.*");
  static const std::regex kType("# TYPE ([a-zA-Z_:][a-zA-Z0-9_:]*) (counter|gauge|histogram)");
  static const std::regex kSample(
      "([a-zA-Z_:][a-zA-Z0-9_:]*)\\{([a-zA-Z_]\\w*=\"([^\"\\\\]|\\\\[\\\\\"n])*\",?)+\\} "
      "[0-9]+(\\.[0-9]+)?(e-?[0-9]+)?");
  std::map<std::string, std::string> types;
  std::set<std::string> helped;
  std::set<std::string> series;
  std::string current;
  ASSERT_TRUE(text.ends_with("\n"));
  for (const std::string& line : lines_of(text)) {
    std::smatch parts;
    if (std::regex_match(line, parts, kHelp)) {
      EXPECT_TRUE(helped.insert(parts[1]).second) << line;
    } else if (std::regex_match(line, parts, kType)) {
      current = parts[1];
      EXPECT_TRUE(helped.contains(current)) << line;
      EXPECT_TRUE(types.emplace(current, parts[2]).second) << line;
      EXPECT_EQ(current.ends_with("_total"), parts[2] == "counter") << line;
    } else if (std::regex_match(line, parts, kSample)) {
      EXPECT_EQ(family_of(parts[1], types), current) << line;
      EXPECT_TRUE(series.insert(line.substr(0, line.rfind(' '))).second) << line;
    } else {
      ADD_FAILURE() << "neither HELP nor TYPE nor a sample: " << line;
    }
  }
  EXPECT_EQ(helped.size(), types.size());
}

bool has_line(const std::string& text, const std::string& line) {
  return ("\n" + text).find("\n" + line + "\n") != std::string::npos;
}

TEST(Prometheus, IsWellFormed) {
  expect_well_formed(show_prometheus(reply_of<Status>(full_status())));
  expect_well_formed(show_prometheus(reply_of<Status>(Json::object())));
}

TEST(Prometheus, EscapesLabels) {
  EXPECT_TRUE(has_line(show_prometheus(reply_of<Status>(full_status())),
                       R"(scratchfs_memory_used_bytes{mountpoint="/scratch \"quoted\"\\"} 10)"));
}

TEST(Prometheus, LeavesOutWhatIsNotKnownOrHasNoLimit) {
  const std::string text = show_prometheus(reply_of<Status>(full_status()));
  EXPECT_EQ(text.find("scratchfs_spill_disk_free_bytes{"), std::string::npos);
  EXPECT_EQ(text.find("scratchfs_user_inodes_limit{"), std::string::npos);
  EXPECT_NE(text.find("scratchfs_user_bytes_limit{"), std::string::npos);
}

TEST(Prometheus, HistogramsCountUpToInfinity) {
  Json status = full_status();
  status["mountpoint"] = "/m";
  const std::string text = show_prometheus(reply_of<Status>(status));
  const std::string of_writes = R"({mountpoint="/m",kind="WRITE")";
  const std::string name = "scratchfs_request_duration_seconds";
  EXPECT_TRUE(has_line(text, name + "_bucket" + of_writes + R"(,le="1.024e-06"} 1)")) << text;
  EXPECT_TRUE(has_line(text, name + "_bucket" + of_writes + R"(,le="4.096e-06"} 4)"));
  EXPECT_TRUE(has_line(text, name + "_bucket" + of_writes + R"(,le="+Inf"} 5)"));
  EXPECT_TRUE(has_line(text, name + "_sum" + of_writes + "} 1.2345e-05"));
  EXPECT_TRUE(has_line(text, name + "_count" + of_writes + "} 5"));
}

TEST(Prometheus, HasOneSeriesForAllUsersButTheLargest) {
  Json status = full_status();
  status["mountpoint"] = "/m";
  status["users"] = Json::array();
  for (unsigned i = 0; i < kMostUsersInMetrics + 3; ++i) {
    status["users"].push_back(user(4000000000U + i, 1000 + i));
  }
  const std::string text = show_prometheus(reply_of<Status>(status));
  expect_well_formed(text);
  EXPECT_TRUE(
      has_line(text, R"x(scratchfs_user_bytes{mountpoint="/m",uid="",user="(others)"} 3003)x"));
  EXPECT_EQ(text.find(R"(uid="4000000002")"), std::string::npos);
  EXPECT_NE(text.find(R"(uid="4000000003")"), std::string::npos);
}

TEST(Prometheus, PromtoolHasNothingToComplainOf) {
  if (std::system("command -v promtool >/dev/null") != 0) return;  // nothing more to check
  FILE* const promtool = popen("promtool check metrics >&2", "w");
  ASSERT_NE(promtool, nullptr);
  std::fputs(show_prometheus(reply_of<Status>(full_status())).c_str(), promtool);
  EXPECT_EQ(pclose(promtool), 0);
}

}  // namespace
}  // namespace scratchfs::mount

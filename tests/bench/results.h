// Benchmark results: a file with one JSON object per line, for one run of one work on one mount.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/bench/work.h"

namespace scratchfs::bench {

using Json = nlohmann::ordered_json;

// The mount that the others are compared with.
inline constexpr std::string_view kYardstick = "tmpfs";

// One run. `error` is empty, or says why there are no values.
struct Outcome {
  std::string work;
  std::string mount;
  bool pinned = false;
  int round = 0;
  double seconds = 0;  // total duration, including preparation and cleanup
  std::vector<double> values;
  std::string error;
};

void append(const std::string& file, const Work& work, const Outcome& outcome);

// A figure and its medians over all rounds. A mount has no median if it did not run the work, or
// failed every time.
struct Row {
  const Work* work = nullptr;
  const Figure* figure = nullptr;
  bool pinned = false;
  std::vector<std::vector<double>> values;     // by mount, then by round
  std::vector<std::optional<double>> medians;  // by mount
};

struct Judgement {
  const Target* target = nullptr;
  std::optional<double> ratio;  // nullopt: the other figure is missing
  bool met = false;
};

struct Results {
  std::vector<std::string> mounts;  // in the order of their first run
  std::vector<Row> rows;            // in the catalog's order
  std::vector<std::string> errors;

  std::optional<double> median_of(std::string_view mount, std::string_view figure,
                                  bool pinned) const;
  // Returns the ratio to tmpfs's value; nullopt if one of the two is missing.
  std::optional<double> ratio_to_tmpfs(const Row& row, std::size_t mount) const;
  // Judges the mount named "scratchfs". Empty if the row is not the one that targets are set for.
  std::vector<Judgement> judge(const Row& row) const;
};

// Throws if the file cannot be read or contains something that append() does not write.
Results read_results(const std::string& file);

}  // namespace scratchfs::bench

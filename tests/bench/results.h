// What runs have found: a file of lines, each a JSON object of one run of one work on one mount.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "tests/bench/work.h"

namespace scratchfs::bench {

using Json = nlohmann::ordered_json;

// One run. `error` is empty, or why there are no values.
struct Outcome {
  std::string work;
  std::string mount;
  bool pinned = false;
  int round = 0;
  double seconds = 0;  // all that it took, preparing and cleaning up included
  std::vector<double> values;
  std::string error;
};

void append(const std::string& file, const Work& work, const Outcome& outcome);

// A figure and its medians over all rounds; a mount without one was not asked, or failed each time.
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
  // Times tmpfs's; nullopt where one of them is missing.
  std::optional<double> ratio_to_tmpfs(const Row& row, std::size_t mount) const;
  // Of the mount named "scratchfs". Empty where the row is not the one that targets are set for.
  std::vector<Judgement> judge(const Row& row) const;
};

// Throws where the file cannot be read or holds what append() does not write.
Results read_results(const std::string& file);

}  // namespace scratchfs::bench

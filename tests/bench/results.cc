#include "tests/bench/results.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <set>
#include <stdexcept>

#include "tests/bench/catalog.h"
#include "tests/bench/timing.h"

namespace scratchfs::bench {

namespace {

constexpr const char* kSubject = "scratchfs";

std::vector<Json> read_lines(const std::string& file) {
  std::ifstream stream(file);
  if (!stream) throw std::runtime_error(file + ": cannot be read");
  std::vector<Json> lines;
  for (std::string line; std::getline(stream, line);) lines.push_back(Json::parse(line));
  return lines;
}

bool is_of(const Json& line, const Row& row, const std::string& mount) {
  return line.at("mount") == mount && line.at("pinned") == row.pinned && line.contains("figures") &&
         line.at("figures").contains(row.figure->name);
}

Row make_row(const std::vector<Json>& lines, const std::vector<std::string>& mounts,
             const Work& work, const Figure& figure, bool pinned) {
  Row row{.work = &work, .figure = &figure, .pinned = pinned, .values = {}, .medians = {}};
  for (const std::string& mount : mounts) {
    std::vector<double> values;
    for (const Json& line : lines) {
      if (is_of(line, row, mount)) values.push_back(line["figures"][figure.name]);
    }
    row.medians.push_back(values.empty() ? std::nullopt : std::optional(median(values)));
    row.values.push_back(std::move(values));
  }
  return row;
}

// Reports an error that is repeated in each round only once.
std::vector<std::string> collect_errors(const std::vector<Json>& lines) {
  std::set<std::string> errors;
  for (const Json& line : lines) {
    if (!line.contains("error")) continue;
    errors.insert(fmt::format("{} on {}: {}", line.at("work").get<std::string>(),
                              line.at("mount").get<std::string>(),
                              line.at("error").get<std::string>()));
  }
  return {errors.begin(), errors.end()};
}

}  // namespace

void append(const std::string& file, const Work& work, const Outcome& outcome) {
  Json line{{"work", outcome.work},
            {"mount", outcome.mount},
            {"pinned", outcome.pinned},
            {"round", outcome.round},
            {"seconds", outcome.seconds}};
  if (outcome.error.empty()) {
    Json& figures = line["figures"];
    for (std::size_t i = 0; i < work.figures.size(); ++i) {
      figures[std::string(work.figures[i].name)] = outcome.values.at(i);
    }
  } else {
    line["error"] = outcome.error;
  }
  std::ofstream stream(file, std::ios::app);
  stream << line.dump() + "\n" << std::flush;
  if (!stream) throw std::runtime_error(file + ": cannot be written");
}

Results read_results(const std::string& file) {
  const std::vector<Json> lines = read_lines(file);
  Results results;
  for (const Json& line : lines) {
    const std::string mount = line.at("mount");
    if (std::ranges::find(results.mounts, mount) == results.mounts.end()) {
      results.mounts.push_back(mount);
    }
  }
  for (const bool pinned : {true, false}) {
    for (const Work& work : catalog()) {
      for (const Figure& figure : work.figures) {
        Row row = make_row(lines, results.mounts, work, figure, pinned);
        if (std::ranges::any_of(row.medians, [](const auto& value) { return value.has_value(); })) {
          results.rows.push_back(std::move(row));
        }
      }
    }
  }
  results.errors = collect_errors(lines);
  return results;
}

std::optional<double> Results::median_of(std::string_view mount, std::string_view figure,
                                         bool pinned) const {
  const auto place = std::ranges::find(mounts, mount);
  if (place == mounts.end()) return std::nullopt;
  for (const Row& row : rows) {
    if (row.figure->name == figure && row.pinned == pinned) {
      return row.medians[static_cast<std::size_t>(place - mounts.begin())];
    }
  }
  return std::nullopt;
}

std::optional<double> Results::ratio_to_tmpfs(const Row& row, std::size_t mount) const {
  const auto yardstick = median_of(kYardstick, row.figure->name, row.pinned);
  if (!yardstick || *yardstick == 0 || !row.medians[mount]) return std::nullopt;
  return *row.medians[mount] / *yardstick;
}

std::vector<Judgement> Results::judge(const Row& row) const {
  std::vector<Judgement> judgements;
  const auto ours = median_of(kSubject, row.figure->name, row.pinned);
  if (row.pinned != row.work->pinned || !ours) return judgements;
  for (const Target& target : row.figure->targets) {
    Judgement judgement{.target = &target, .ratio = {}};
    const auto other =
        median_of(target.mount.empty() ? kSubject : target.mount,
                  target.figure.empty() ? row.figure->name : target.figure, row.pinned);
    if (other && *other != 0) {
      judgement.ratio = *ours / *other;
      judgement.met = more_is_better(row.figure->unit) ? *judgement.ratio >= target.factor
                                                       : *judgement.ratio <= target.factor;
    }
    judgements.push_back(judgement);
  }
  return judgements;
}

}  // namespace scratchfs::bench

#include "tests/bench/report.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "tests/bench/catalog.h"

namespace scratchfs::bench {

namespace {

// Shows about three significant digits.
std::string show(double value) {
  if (value >= 100) return fmt::format("{:.0f}", value);
  if (value >= 10) return fmt::format("{:.1f}", value);
  if (value >= 0.1) return fmt::format("{:.2f}", value);
  return fmt::format("{:.3f}", value);
}

std::string show_cell(const Results& results, const Row& row, std::size_t mount) {
  if (!row.medians[mount]) return "-";
  const std::string value = show(*row.medians[mount]);
  const auto ratio = results.ratio_to_tmpfs(row, mount);
  if (!ratio || results.mounts[mount] == kYardstick) return value;
  return fmt::format("{} ({}x)", value, show(*ratio));
}

std::string show_target(const Row& row, const Target& target) {
  std::string_view other = target.mount;
  if (other.empty()) other = target.figure;
  return fmt::format("{} {:g} x {}", more_is_better(row.figure->unit) ? "at least" : "at most",
                     target.factor, other);
}

std::string show_judgement(const Row& row, const Judgement& judgement) {
  const std::string target = show_target(row, *judgement.target);
  if (!judgement.ratio) return target + ": not measured";
  return fmt::format("{}: {} ({})", target, judgement.met ? "met" : "MISSED",
                     show(*judgement.ratio));
}

std::string show_judgements(const Results& results, const Row& row) {
  std::string text;
  for (const Judgement& judgement : results.judge(row)) {
    if (!text.empty()) text += "; ";
    text += show_judgement(row, judgement);
  }
  return text;
}

using Table = std::vector<std::vector<std::string>>;

// Columns: figure, unit, each mount that has any of these rows' figures, targets. Empty if there
// are no rows.
Table table_of(const Results& results, const std::vector<const Row*>& rows) {
  if (rows.empty()) return {};
  std::vector<std::size_t> mounts;
  for (std::size_t mount = 0; mount < results.mounts.size(); ++mount) {
    const auto has_it = [mount](const Row* row) { return row->medians[mount].has_value(); };
    if (std::ranges::any_of(rows, has_it)) mounts.push_back(mount);
  }
  Table table{{"figure", "unit"}};
  for (const std::size_t mount : mounts) table[0].push_back(results.mounts[mount]);
  table[0].emplace_back("target");
  for (const Row* row : rows) {
    auto& cells = table.emplace_back();
    cells.emplace_back(row->figure->name);
    cells.emplace_back(name_of(row->figure->unit));
    for (const std::size_t mount : mounts) cells.push_back(show_cell(results, *row, mount));
    cells.push_back(show_judgements(results, *row));
  }
  return table;
}

std::string aligned(const Table& table) {
  std::vector<std::size_t> widths(table.front().size());
  for (const auto& line : table) {
    for (std::size_t i = 0; i < line.size(); ++i) widths[i] = std::max(widths[i], line[i].size());
  }
  std::string text;
  for (const auto& line : table) {
    std::string laid_out;
    for (std::size_t i = 0; i < line.size(); ++i) {
      laid_out += fmt::format("{:<{}}  ", line[i], widths[i]);
    }
    laid_out.erase(laid_out.find_last_not_of(' ') + 1);
    text += laid_out + "\n";
  }
  return text;
}

std::string piped(const Table& table) {
  std::string text;
  for (std::size_t i = 0; i < table.size(); ++i) {
    text += fmt::format("| {} |\n", fmt::join(table[i], " | "));
    if (i != 0) continue;
    for (std::size_t column = 0; column < table[0].size(); ++column) text += "| --- ";
    text += "|\n";
  }
  return text;
}

// Only figures with targets, and the figures they refer to.
Table targets_of(const Results& results) {
  Table table{{"work", "unit", "scratchfs", "target", "", "of that"}};
  for (const Row& row : results.rows) {
    for (const Judgement& judgement : results.judge(row)) {
      if (!judgement.ratio) continue;
      const double ours = *results.median_of("scratchfs", row.figure->name, row.pinned);
      table.push_back(
          {std::string(row.figure->what), std::string(name_of(row.figure->unit)), show(ours),
           show_target(row, *judgement.target), judgement.met ? "met" : "**missed**",
           fmt::format("{} x {}", show(*judgement.ratio), show(ours / *judgement.ratio))});
    }
  }
  if (table.size() == 1) table.clear();
  return table;
}

std::string count_targets(const Results& results) {
  int all = 0;
  int met = 0;
  for (const Row& row : results.rows) {
    for (const Judgement& judgement : results.judge(row)) {
      if (!judgement.ratio) continue;
      ++all;
      met += judgement.met ? 1 : 0;
    }
  }
  return all == 0 ? "" : fmt::format("{} of {} targets met\n", met, all);
}

struct Section {
  std::string_view title;
  bool (*has)(const Row& row);
};

constexpr Section kSections[] = {
    {"The client pinned to one core:",
     [](const Row& row) { return row.pinned && row.work->usual; }},
    {"Not pinned:", [](const Row& row) { return !row.pinned && row.work->usual; }},
    {"On mounts of their own:", [](const Row& row) { return !row.work->usual; }},
};

std::string sections(const Results& results, std::string (*lay_out)(const Table&)) {
  std::string text;
  for (const Section& section : kSections) {
    std::vector<const Row*> rows;
    for (const Row& row : results.rows) {
      if (section.has(row)) rows.push_back(&row);
    }
    if (rows.empty()) continue;
    text += fmt::format("{}{}\n\n{}", text.empty() ? "" : "\n", section.title,
                        lay_out(table_of(results, rows)));
  }
  return text;
}

Json judgements_of(const Results& results, const Row& row) {
  Json list = Json::array();
  for (const Judgement& judgement : results.judge(row)) {
    list.push_back({{"target", show_target(row, *judgement.target)},
                    {"ratio", judgement.ratio ? Json(*judgement.ratio) : Json()},
                    {"met", judgement.ratio ? Json(judgement.met) : Json()}});
  }
  return list;
}

}  // namespace

std::string as_text(const Results& results) {
  std::string text = sections(results, aligned) + "\n" + count_targets(results);
  for (const std::string& error : results.errors) text += "failed: " + error + "\n";
  return text;
}

std::string as_markdown(const Results& results) {
  const Table targets = targets_of(results);
  return (targets.empty() ? "" : piped(targets) + "\n") + sections(results, piped);
}

Json as_json(const Results& results, const Json& about) {
  Json figures = Json::array();
  for (const Row& row : results.rows) {
    Json figure{{"name", row.figure->name},
                {"what", row.figure->what},
                {"unit", name_of(row.figure->unit)},
                {"pinned", row.pinned}};
    for (std::size_t mount = 0; mount < results.mounts.size(); ++mount) {
      if (!row.medians[mount]) continue;
      figure["medians"][results.mounts[mount]] = *row.medians[mount];
      figure["rounds"][results.mounts[mount]] = row.values[mount];
    }
    figure["targets"] = judgements_of(results, row);
    figures.push_back(std::move(figure));
  }
  return {{"about", about}, {"figures", figures}, {"errors", results.errors}};
}

std::string as_plot_data(const Results& results) {
  std::string text = "figure";
  for (const std::string& mount : results.mounts) text += " " + mount;
  text += "\n";
  for (const Row& row : results.rows) {
    if (row.pinned != row.work->pinned) continue;
    if (!results.median_of(kYardstick, row.figure->name, row.pinned)) continue;
    text += row.figure->name;
    for (std::size_t mount = 0; mount < results.mounts.size(); ++mount) {
      const auto ratio = results.ratio_to_tmpfs(row, mount);
      const bool known = ratio && *ratio > 0;
      if (!known) {
        text += " ?";
      } else {
        text += fmt::format(" {}", more_is_better(row.figure->unit) ? 1 / *ratio : *ratio);
      }
    }
    text += "\n";
  }
  return text;
}

}  // namespace scratchfs::bench

// scratchfs_bench: runs named benchmarks on a directory and formats the results as tables.
// scripts/bench.sh creates the mounts to compare and calls it.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "tests/bench/catalog.h"
#include "tests/bench/files.h"
#include "tests/bench/processes.h"
#include "tests/bench/report.h"
#include "tests/bench/timing.h"

namespace scratchfs::bench {

namespace {

struct RunOptions {
  std::string work;
  std::string directory;
  Place place;
  int cpu = -1;
  Outcome outcome;
  std::string append_to;
};

struct ListOptions {
  std::string name;
  bool plain = false;
};

struct ReportOptions {
  std::string results;
  std::string markdown;
  std::string json;
  std::string plot;
  std::string about = "{}";
};

// A directory for one work, removed with everything in it.
class OwnDirectory {
 public:
  explicit OwnDirectory(const std::string& parent) : path(parent + "/bench.XXXXXX") {
    if (mkdtemp(path.data()) == nullptr) check(-1, "mkdtemp");
  }
  ~OwnDirectory() {
    std::error_code error;
    std::filesystem::remove_all(path, error);
    if (error) fmt::print(stderr, "scratchfs_bench: {}: {}\n", path, error.message());
  }
  OwnDirectory(const OwnDirectory&) = delete;
  OwnDirectory& operator=(const OwnDirectory&) = delete;
  std::string path;
};

Outcome run_one(const Work& work, RunOptions options) {
  Outcome outcome = std::move(options.outcome);
  outcome.work = work.name;
  outcome.pinned = options.cpu >= 0;
  outcome.seconds = seconds([&] {
    try {
      const OwnDirectory directory(options.directory);
      options.place.directory = directory.path;
      outcome.values = work.run(options.place);
    } catch (const std::exception& error) {
      outcome.error = error.what();
    }
  });
  return outcome;
}

void show_values(const Work& work, const std::vector<double>& values) {
  for (std::size_t i = 0; i < work.figures.size(); ++i) {
    fmt::print("{:<24} {:>10.3f} {}\n", work.figures[i].name, values[i],
               name_of(work.figures[i].unit));
  }
}

int run(const RunOptions& options) {
  if (std::ranges::none_of(catalog(),
                           [&](const Work& work) { return answers_to(work, options.work); })) {
    fmt::print(stderr, "scratchfs_bench: {}: no such work (scratchfs_bench list)\n", options.work);
    return 2;
  }
  if (options.cpu >= 0) pin_to(options.cpu);
  bool fine = true;
  for (const Work& work : catalog()) {
    if (!answers_to(work, options.work)) continue;
    const Outcome outcome = run_one(work, options);
    if (!options.append_to.empty()) append(options.append_to, work, outcome);
    if (!outcome.error.empty()) {
      fmt::print(stderr, "scratchfs_bench: {}: {}\n", work.name, outcome.error);
      fine = false;
    } else if (options.append_to.empty()) {
      show_values(work, outcome.values);
    }
  }
  return fine ? 0 : 1;
}

// Prints a line: name, "pinned" or "free" or "both", "usual" or "extra", group.
void show_plainly(const Work& work) {
  const std::string_view how = work.unpinned ? "both" : work.pinned ? "pinned" : "free";
  fmt::print("{} {} {} {}\n", work.name, how, work.usual ? "usual" : "extra", work.group);
}

void show(const Work& work) {
  fmt::print("{} ({})\n", work.name, work.group);
  for (const Figure& figure : work.figures) {
    fmt::print("  {:<24} {:<5} {}\n", figure.name, name_of(figure.unit), figure.what);
  }
}

int list(const ListOptions& options) {
  bool found = false;
  for (const Work& work : catalog()) {
    if (!options.name.empty() && !answers_to(work, options.name)) continue;
    found = true;
    if (options.plain) {
      show_plainly(work);
    } else {
      show(work);
    }
  }
  return found ? 0 : 1;
}

void write_file(const std::string& name, const std::string& text) {
  if (name.empty()) return;
  std::ofstream stream(name);
  stream << text << std::flush;
  if (!stream) throw std::runtime_error(name + ": cannot be written");
}

void report(const ReportOptions& options) {
  const Results results = read_results(options.results);
  write_file(options.markdown, as_markdown(results));
  write_file(options.json, as_json(results, Json::parse(options.about)).dump(2) + "\n");
  write_file(options.plot, as_plot_data(results));
  fmt::print("{}", as_text(results));
}

void add_list(CLI::App& app, ListOptions& options) {
  CLI::App& command = *app.add_subcommand("list", "What there is to run");
  command.add_option("name", options.name, "Only this work, figure or group");
  command.add_flag("--plain", options.plain, "For programs");
}

void add_run(CLI::App& app, RunOptions& options) {
  CLI::App& command = *app.add_subcommand("run", "Run a work and show its medians");
  command.add_option("work", options.work, "A work, a figure or a group; see list")->required();
  command.add_option("directory", options.directory, "Where; emptied again")
      ->required()
      ->check(CLI::ExistingDirectory);
  command.add_option("--cpu", options.cpu, "Stay on this core");
  command.add_flag("--quick", options.place.quick, "Fewer and smaller");
  command.add_option("--materials", options.place.materials, "What the jobs work on");
  command.add_option("--budget", options.place.budget, "The mount's memory= in bytes, for spill");
  command.add_option("--daemon", options.place.daemon, "The mount's process, for small-files");
  command.add_option("--append", options.append_to, "Add the result to this file, and be quiet");
  command.add_option("--mount", options.outcome.mount, "The mount's name there");
  command.add_option("--round", options.outcome.round, "The round's number there");
}

void add_report(CLI::App& app, ReportOptions& options) {
  CLI::App& command = *app.add_subcommand("report", "A table of what was appended to a file");
  command.add_option("results", options.results)->required();
  command.add_option("--markdown", options.markdown, "Write it for a page of documentation");
  command.add_option("--json", options.json, "Write all values");
  command.add_option("--plot", options.plot, "Write data for gnuplot");
  command.add_option("--about", options.about, "A JSON object: what ran where");
}

int main_program(int argc, char** argv) {
  CLI::App app("Runs pieces of work on a directory and times them.", "scratchfs_bench");
  RunOptions run_options;
  ReportOptions report_options;
  ListOptions list_options;
  add_list(app, list_options);
  add_run(app, run_options);
  add_report(app, report_options);
  app.require_subcommand(1);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  if (app.got_subcommand("run")) return run(run_options);
  if (app.got_subcommand("list")) return list(list_options);
  report(report_options);
  return 0;
}

}  // namespace

}  // namespace scratchfs::bench

int main(int argc, char** argv) {
  try {
    return scratchfs::bench::main_program(argc, argv);
  } catch (const std::exception& error) {
    fmt::print(stderr, "scratchfs_bench: {}\n", error.what());
    return 1;
  }
}

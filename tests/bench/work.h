// The benchmarks: pieces of work, the figures that each yields, and the targets for these.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace scratchfs::bench {

enum class Unit : std::uint8_t {
  microseconds,
  milliseconds,
  seconds,
  gigabytes_per_second,
  thousands_per_second,
  mebibytes,
};

// The target for a figure of scratchfs: at most `factor` times another figure, or at least that if
// more is better.
struct Target {
  double factor = 1;
  // The mount that the other figure is taken on; "": scratchfs itself.
  std::string_view mount = "tmpfs";
  std::string_view figure = {};  // empty: the same figure
};

struct Figure {
  std::string_view name;
  std::string_view what;
  Unit unit = Unit::microseconds;
  std::vector<Target> targets = {};
};

// What a work may use.
struct Place {
  std::string directory;     // the work's own, initially empty, removed afterwards
  std::string materials;     // input for the jobs
  bool quick = false;        // smaller amounts
  std::uint64_t budget = 0;  // memory that the mount may use, in bytes, for works that exceed it
  pid_t daemon = 0;          // the mount's daemon, if it has one

  std::string operator/(std::string_view name) const;
};

// Some works yield several figures because one needs another's result: a file must be written
// before it can be read.
struct Work {
  std::string_view name;
  std::string_view group;
  std::vector<Figure> figures;
  // Returns the values in the figures' order and units. Throws std::exception.
  std::function<std::vector<double>(const Place&)> run;
  bool pinned = true;     // pin the client to one core, unless told otherwise
  bool unpinned = false;  // also run it unpinned
  bool usual = true;      // part of a run that names no works
};

std::vector<Work> call_works();        // calls.cc: read, write, open, stat
std::vector<Work> name_works();        // names.cc: creating, renaming, listing
std::vector<Work> stream_works();      // streams.cc
std::vector<Work> mapped_works();      // mapped.cc
std::vector<Work> random_works();      // random.cc
std::vector<Work> scaling_works();     // scaling.cc: on one core, on two
std::vector<Work> job_works();         // jobs.cc: everyday jobs
std::vector<Work> spill_works();       // spill.cc
std::vector<Work> small_file_works();  // small_files.cc

}  // namespace scratchfs::bench

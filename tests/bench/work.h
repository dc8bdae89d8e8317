// What is timed: pieces of work, the figures each of them gives, and what those should be.
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

// What a figure of scratchfs should be: so many times another figure at most, or at least where
// more is better.
struct Target {
  double factor = 1;
  std::string_view mount = "tmpfs";  // on which that other figure is taken; "": on scratchfs itself
  std::string_view figure = {};      // empty: the same one
};

struct Figure {
  std::string_view name;
  std::string_view what;
  Unit unit = Unit::microseconds;
  std::vector<Target> targets = {};
};

// What a work may know and use.
struct Place {
  std::string directory;     // empty, its own, removed afterwards
  std::string materials;     // what jobs work on
  bool quick = false;        // fewer and smaller
  std::uint64_t budget = 0;  // bytes of memory that the mount may use, where a work goes beyond it
  pid_t daemon = 0;          // who serves the mount, where somebody does

  std::string operator/(std::string_view name) const;
};

// Some works have several figures, because what one needs is the other's result: to read a file it
// must have been written.
struct Work {
  std::string_view name;
  std::string_view group;
  std::vector<Figure> figures;
  // In the figures' order and units. Throws std::exception.
  std::function<std::vector<double>(const Place&)> run;
  bool pinned = true;     // the client to one core, unless told otherwise
  bool unpinned = false;  // and also not
  bool usual = true;      // part of a run that names no works
};

std::vector<Work> call_works();        // calls.cc: read, write, open, stat
std::vector<Work> name_works();        // names.cc: creating, renaming, listing
std::vector<Work> stream_works();      // streams.cc
std::vector<Work> mapped_works();      // mapped.cc
std::vector<Work> random_works();      // random.cc
std::vector<Work> scaling_works();     // scaling.cc: by one core, by two
std::vector<Work> job_works();         // jobs.cc: what people do all day
std::vector<Work> spill_works();       // spill.cc
std::vector<Work> small_file_works();  // small_files.cc

}  // namespace scratchfs::bench

// Formats results for people and for programs.
#pragma once

#include <string>

#include "tests/bench/results.h"

namespace scratchfs::bench {

// One line per figure: the medians, the ratio to tmpfs, the target and whether it is met.
std::string as_text(const Results& results);
// The targets first, then all figures.
std::string as_markdown(const Results& results);
// `about` (an object) describes what ran where.
Json as_json(const Results& results, const Json& about);
// For gnuplot: a line of mounts, then a line per figure with each mount's time relative to tmpfs
// ("?": unknown). Includes only figures that compare with tmpfs.
std::string as_plot_data(const Results& results);

}  // namespace scratchfs::bench

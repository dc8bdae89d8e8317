// The list of all benchmarks.
#pragma once

#include "tests/bench/work.h"

namespace scratchfs::bench {

const std::vector<Work>& catalog();

// Returns whether `name` names the work, one of its figures, or its group.
bool answers_to(const Work& work, std::string_view name);

std::string_view name_of(Unit unit);
bool more_is_better(Unit unit);

}  // namespace scratchfs::bench

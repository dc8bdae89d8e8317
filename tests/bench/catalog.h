// All there is to run.
#pragma once

#include "tests/bench/work.h"

namespace scratchfs::bench {

const std::vector<Work>& catalog();

// A name stands for a work, for the one that has a figure of that name, or for a group of works.
bool answers_to(const Work& work, std::string_view name);

std::string_view name_of(Unit unit);
bool more_is_better(Unit unit);

}  // namespace scratchfs::bench

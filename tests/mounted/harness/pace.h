// Time limits of tests, and waiting without guessing.
#pragma once

#include <chrono>
#include <functional>

namespace scratchfs::harness {

// The factor applied to all limits below: 1, or more if the program under test has a sanitizer.
int slowness();

// Returns a limit of `seconds`, adjusted by slowness().
std::chrono::milliseconds patience(double seconds);

// Polls `condition` for at most `seconds` (adjusted). Returns true as soon as it holds.
bool eventually(const std::function<bool()>& condition, double seconds);

// Returns once the clock used for file timestamps has advanced, so that the next timestamp differs.
void let_the_clock_tick();

}  // namespace scratchfs::harness

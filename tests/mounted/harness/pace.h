// Time limits of tests, and waiting without guessing.
#pragma once

#include <chrono>
#include <functional>

namespace scratchfs::harness {

// How many times longer than usual everything takes: more than 1 where the program under test has a
// sanitizer, times the variable SCRATCHFS_SLOWNESS (emulated machines). Multiplies every bound
// below.
int slowness();
// Whether the program under test has a sanitizer, which has threads, memory and needs of its own.
bool sanitized();

// How long threads race in a stress test.
inline constexpr std::chrono::seconds kWhile{5};

// Returns a limit of `seconds`, adjusted by slowness().
std::chrono::milliseconds patience(double seconds);

// Polls `condition` for at most `seconds` (adjusted). Returns true as soon as it holds.
bool eventually(const std::function<bool()>& condition, double seconds);

// Returns once the clock used for file timestamps has advanced, so that the next timestamp differs.
void let_the_clock_tick();

}  // namespace scratchfs::harness

// How long tests wait, and how they wait without guessing.
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

// A bound in seconds, adjusted by slowness().
std::chrono::milliseconds patience(double seconds);

// Asks `condition` again and again, at most `seconds` (adjusted) long. True as soon as it holds.
bool eventually(const std::function<bool()>& condition, double seconds);

// Returns once the clock that file systems stamp files with has moved on, so that a later stamp
// differs.
void let_the_clock_tick();

}  // namespace scratchfs::harness

// Where processes run; the same by several at once.
#pragma once

#include <cstddef>
#include <functional>

namespace scratchfs::bench {

// The calling thread stays on this core. Throws if it cannot.
void pin_to(int cpu);

// Forks `count` processes that run `job(0)`, `job(1)` ... from one moment on. Seconds from there to
// when the last is done. Processes, not threads: those would share, and fight for, one table of
// descriptors. Throws if one fails.
double run_processes(std::size_t count, const std::function<void(std::size_t)>& job);

}  // namespace scratchfs::bench

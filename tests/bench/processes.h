// Pins threads to cores, and runs a job in several processes at once.
#pragma once

#include <cstddef>
#include <functional>

namespace scratchfs::bench {

// Pins the calling thread to this core. Throws if that fails.
void pin_to(int cpu);

// Forks `count` processes that start `job(0)`, `job(1)` ... at the same moment. Returns the seconds
// until the last one is done. Processes rather than threads, which would contend for one descriptor
// table. Throws if a job fails.
double run_processes(std::size_t count, const std::function<void(std::size_t)>& job);

}  // namespace scratchfs::bench

// Background threads: block all signals and have a name in top(1).
#pragma once

#include <cstddef>
#include <functional>
#include <thread>

#include "fs/base/result.h"

namespace scratchfs::base {

// Starts a thread that runs `body`. `name` is a literal of at most 15 bytes
// (pthread_setname_np(3)). EAGAIN: the limit on threads is reached, or memory for one is lacking.
// Never throws.
Result<std::thread> start_thread(const char* name, std::function<void()> body);

// Returns the calling thread's number, in the order of first calls: spreads threads over shards.
std::size_t number_of_this_thread();

}  // namespace scratchfs::base

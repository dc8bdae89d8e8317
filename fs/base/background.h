// Background threads: no signal is delivered to them, and they are seen by name in top(1).
#pragma once

#include <functional>
#include <thread>

#include "fs/base/result.h"

namespace scratchfs::base {

// `name`: a literal of at most 15 bytes (pthread_setname_np(3)). EAGAIN: the machine lets no more
// threads be made, or has no memory for one. Never throws.
Result<std::thread> start_thread(const char* name, std::function<void()> body);

}  // namespace scratchfs::base

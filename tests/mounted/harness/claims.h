// Processes that claim names and then wait, and checks on what becomes of the names.
#pragma once

#include <functional>
#include <string>

#include "tests/mounted/harness/child.h"

namespace scratchfs::harness {

// Time limit, in seconds, for the sweep of a name that nothing holds any more.
inline constexpr double kSweepSeconds = 1.0;
// A name that still exists after this time, in seconds, is taken to stay.
inline constexpr double kLongEnough = 1.2;

inline const Who kNewSession{.new_session = true};

// Creates a file as mkstemp(3) does and closes it.
void claim(const std::string& path);
// Return whether the name disappears: within kSweepSeconds (gone_soon(), for names that should) or
// within kLongEnough (goes(), for names that should not).
bool gone_soon(const std::string& path);
bool goes(const std::string& path);

// Starts a process that runs `makes` and then stays until end().
Child process(const Who& who, const std::function<void()>& makes);
inline Child session(const std::function<void()>& makes, const Who& who = kNewSession) {
  return process(who, makes);
}
void end(Child& child);

}  // namespace scratchfs::harness

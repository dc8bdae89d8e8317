// Processes that claim names and then wait, and what becomes of the names.
#pragma once

#include <functional>
#include <string>

#include "tests/mounted/harness/child.h"

namespace scratchfs::harness {

// What nothing holds any more is gone within this.
inline constexpr double kSweepSeconds = 1.0;
// What has not gone by then stays.
inline constexpr double kLongEnough = 1.2;

inline const Who kNewSession{.new_session = true};

// Makes a file as mkstemp(3) does, and closes it.
void claim(const std::string& path);
bool gone_soon(const std::string& path);
// The same, for what should not go.
bool goes(const std::string& path);

// A process that makes something and then stays until it is told to end.
Child process(const Who& who, const std::function<void()>& makes);
inline Child session(const std::function<void()>& makes, const Who& who = kNewSession) {
  return process(who, makes);
}
void end(Child& child);

}  // namespace scratchfs::harness

// The exit codes of the scratchfs command, as documented in scratchfs(1).
#pragma once

namespace scratchfs::mount {

inline constexpr int kFine = 0;
inline constexpr int kFailed = 1;  // the operation failed
inline constexpr int kUsage = 2;   // the command line or an option is invalid

// `scratchfs run` passes on its command's exit code, except for these (the same as those of env(1)
// and timeout(1)).
inline constexpr int kNotRun = 125;         // the mount could not be made, so nothing was run
inline constexpr int kNotExecutable = 126;  // the command was found but could not be started
inline constexpr int kNotFound = 127;       // the command was not found
inline constexpr int kKilledBy = 128;       // plus the number of the signal that killed the command

}  // namespace scratchfs::mount

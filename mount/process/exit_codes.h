// Every exit code of the command; scratchfs(1) lists the same.
#pragma once

namespace scratchfs::mount {

inline constexpr int kFine = 0;
inline constexpr int kFailed = 1;  // what was asked for could not be done
inline constexpr int kUsage = 2;   // the command line or an option makes no sense

// Of `scratchfs run`, which else passes on the command's own; as env(1) and timeout(1) have them.
inline constexpr int kNotRun = 125;         // there was no mount to run it with
inline constexpr int kNotExecutable = 126;  // the command was found but could not be started
inline constexpr int kNotFound = 127;       // there is no such command
inline constexpr int kKilledBy = 128;       // and the number of the signal that killed it

}  // namespace scratchfs::mount

// Every exit code of the command; scratchfs(1) lists the same.
#pragma once

namespace scratchfs::mount {

inline constexpr int kFine = 0;
inline constexpr int kFailed = 1;  // what was asked for could not be done
inline constexpr int kUsage = 2;   // the command line or an option makes no sense

}  // namespace scratchfs::mount

// The extended attribute that shows what holds a file and sets or lifts its keep mark. It is in
// `system.` rather than `user.`, which the kernel refuses on FIFOs, sockets, symlinks and read-only
// files.
#pragma once

#include <string_view>

namespace scratchfs::kernel {

inline constexpr const char* kLifetimeXattr = "system.scratchfs.lifetime";
inline constexpr std::string_view kKeep = "keep";  // the value that sets the mark
inline constexpr std::string_view kAuto = "auto";  // the value that lifts it

}  // namespace scratchfs::kernel

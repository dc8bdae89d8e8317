// Why something may have lost its last holder: what the log says of a deletion.
#pragma once

#include <string_view>

namespace scratchfs::tree {

// `{"session 1529", "has ended"}`, as in `last held by session 1529, which has ended`. For the
// length of a call.
struct Cause {
  std::string_view holder;
  std::string_view end;
};

inline constexpr Cause kHandleClosed{"a handle", "was closed"};
inline constexpr Cause kMarkLifted{"a keep mark", "was lifted"};
inline constexpr Cause kLastEntryGone{"what was in it", "is gone"};
inline constexpr Cause kUnbound{"a process that had it bound", "closed it"};
inline constexpr Cause kMovedAway{"the place that it had", "it left"};
inline constexpr Cause kCreatorGone{"its creator", "had ended before"};

}  // namespace scratchfs::tree

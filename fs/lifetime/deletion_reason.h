// Why an object lost its last holder: the text for the log, and the categories by which deletions
// are counted.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace scratchfs::lifetime {

enum class Reason : std::uint8_t {
  handle_closed,
  claim_ended,
  mark_lifted,
  last_entry_gone,
  socket_unbound,
  moved_away,
  creator_gone,
  name_removed,
};
// The names in `scratchfs status --json`.
inline constexpr std::array<std::string_view, static_cast<std::size_t>(Reason::name_removed) + 1>
    kReasonNames = {"handle_closed",  "claim_ended", "mark_lifted",  "last_entry_gone",
                    "socket_unbound", "moved_away",  "creator_gone", "name_removed"};
static_assert(kReasonNames.back() == "name_removed");

// The text of one deletion: `{..., "session 1529", "has ended"}` is logged as `last held by session
// 1529, which has ended`. The views are valid only during the call.
struct Cause {
  Reason reason;
  std::string_view holder;
  std::string_view end;
};

inline constexpr Cause kHandleClosed{Reason::handle_closed, "a handle", "was closed"};
inline constexpr Cause kMarkLifted{Reason::mark_lifted, "a keep mark", "was lifted"};
inline constexpr Cause kLastEntryGone{Reason::last_entry_gone, "what was in it", "is gone"};
inline constexpr Cause kUnbound{Reason::socket_unbound, "a process that had it bound", "closed it"};
inline constexpr Cause kMovedAway{Reason::moved_away, "its former directory", "it left"};
inline constexpr Cause kCreatorGone{Reason::creator_gone, "its creator", "had ended before"};
inline constexpr Cause kNameRemoved{Reason::name_removed, "another name", "was removed"};

}  // namespace scratchfs::lifetime

// Why something may have lost its last holder: what the log says of a deletion, and what deletions
// are counted by.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace scratchfs::tree {

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
// As `scratchfs status --json` has them.
inline constexpr std::array<std::string_view, static_cast<std::size_t>(Reason::name_removed) + 1>
    kReasonNames = {"handle_closed",  "claim_ended", "mark_lifted",  "last_entry_gone",
                    "socket_unbound", "moved_away",  "creator_gone", "name_removed"};
static_assert(kReasonNames.back() == "name_removed");

// `{..., "session 1529", "has ended"}`, as in `last held by session 1529, which has ended`. For the
// length of a call.
struct Cause {
  Reason reason;
  std::string_view holder;
  std::string_view end;
};

inline constexpr Cause kHandleClosed{Reason::handle_closed, "a handle", "was closed"};
inline constexpr Cause kMarkLifted{Reason::mark_lifted, "a keep mark", "was lifted"};
inline constexpr Cause kLastEntryGone{Reason::last_entry_gone, "what was in it", "is gone"};
inline constexpr Cause kUnbound{Reason::socket_unbound, "a process that had it bound", "closed it"};
inline constexpr Cause kMovedAway{Reason::moved_away, "the place that it had", "it left"};
inline constexpr Cause kCreatorGone{Reason::creator_gone, "its creator", "had ended before"};
inline constexpr Cause kNameRemoved{Reason::name_removed, "another name", "was removed"};

}  // namespace scratchfs::tree

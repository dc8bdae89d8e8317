// Formats the tables of status, quota and top from the daemon's JSON, and the values in them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "mount/control/protocol.h"

namespace scratchfs::mount {

// Aligns the columns of a table: the first one to the left, the others to the right. The first row
// is the heading.
using Row = std::vector<std::string>;
std::string align(const std::vector<Row>& rows);

// Formats a size or a limit: `1.5G`, or `none` for null.
std::string show_bytes(const Json& bytes);
std::string show_count(const Json& count);
// Returns the name of a row's user, or their uid if they have no name.
std::string show_user(const Json& row);
// Formats a duration: 59 s, 3 min, 5 h 2 min, 12 d 4 h.
std::string show_duration(std::uint64_t seconds);
// Returns the string in `json`, made safe for a terminal (base::printable); `?` if it is not a
// string.
std::string text_of(const Json& json);

// Formats a table with one line per row of `users` (as in status_json.h), under a heading.
std::string show_users(const Json& users);
// The same, with the columns that add_census() fills; `now` is in seconds since 1970.
std::string show_users_in_full(const Json& users, std::int64_t now);

// Adds each user's name to its row, or null if the uid has none, for --json.
void add_names(Json& users);

}  // namespace scratchfs::mount

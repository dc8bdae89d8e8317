// The tables that status, quota and top show, from the daemon's JSON, and the pieces they are made
// of.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "mount/control/protocol.h"

namespace scratchfs::mount {

// Rows of one heading each; the first column to the left, the others to the right.
using Row = std::vector<std::string>;
std::string align(const std::vector<Row>& rows);

// A size or a limit for the eye: `1.5G`, or `none` for null.
std::string show_bytes(const Json& bytes);
std::string show_count(const Json& count);
// The name of the user of a row, or his number.
std::string show_user(const Json& row);
// 59 s, 3 min, 5 h 2 min, 12 d 4 h.
std::string show_duration(std::uint64_t seconds);
// What `json` says if it is text, for a terminal (base::printable); `?` else.
std::string text_of(const Json& json);

// One line per row of `users` (as status_json.h makes them), under a heading.
std::string show_users(const Json& users);
// The same with what a census found; `now` in seconds since 1970.
std::string show_users_in_full(const Json& users, std::int64_t now);

// Puts each user's name into its row (null where it has none), for --json.
void add_names(Json& users);

}  // namespace scratchfs::mount

// Formats the tables of status, quota and top, and the values in them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "mount/control/replies.h"

namespace scratchfs::mount {

// Aligns the columns of a table: the first one to the left, the others to the right. The first row
// is the heading.
using Row = std::vector<std::string>;
std::string align(const std::vector<Row>& rows);

// Formats a size or a limit: `1.5G`, or `none`.
std::string show_bytes(Limit bytes);
std::string show_count(Limit count);
// Returns the name of a user, or their uid if they have no name.
std::string show_user(uid_t uid);
// Formats a duration: 59 s, 3 min, 5 h 2 min, 12 d 4 h.
std::string show_duration(std::uint64_t seconds);
// Formats the duration from `then` to `now`, both in seconds since 1970.
std::string show_age(std::int64_t then, std::int64_t now);

// Formats a table with one line per user, under a heading.
std::string show_users(const std::vector<UserRow>& users);
// The same, with what a census counted; `now` is in seconds since 1970.
std::string show_users_in_full(const std::vector<CountedUserRow>& users, std::int64_t now);

}  // namespace scratchfs::mount

// Looks up users by name and by id in the user database (getpwnam(3)), which may block on a name
// service. Meant for the commands; the daemon only does it on the signal thread, when it reads the
// quota file or the subordinate ids again.
#pragma once

#include <sys/types.h>
#include <optional>
#include <string>
#include <string_view>

namespace scratchfs::mount {

// Returns the uid of a user name. A decimal number is taken as it is, whether or not such a user
// exists. nullopt if there is no such user.
std::optional<uid_t> find_user(std::string_view name_or_number);

// Returns the name of `uid`, or nullopt if it has none.
std::optional<std::string> user_name(uid_t uid);

}  // namespace scratchfs::mount

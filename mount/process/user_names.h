// Users by name and by number, as getpwnam(3) knows them. For the commands: the daemon asks only
// when it reads a quota file again, on the thread of the signal.
#pragma once

#include <sys/types.h>
#include <optional>
#include <string>
#include <string_view>

namespace scratchfs::mount {

// A user's name, or a decimal number whether or not anyone has it; nullopt: no such user.
std::optional<uid_t> find_user(std::string_view name_or_number);

// The name, or nullopt where the number has none.
std::optional<std::string> user_name(uid_t uid);

}  // namespace scratchfs::mount

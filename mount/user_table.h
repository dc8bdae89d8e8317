// The table of users that status and quota show, from the daemon's JSON.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "mount/control_protocol.h"

namespace scratchfs::mount {

// A size or a limit for the eye: `1.5G`, or `none` for null.
std::string show_bytes(const Json& bytes);
std::string show_count(const Json& count);

// One line per row of `users` (as control_server.h makes them), under a heading.
std::string show_users(const Json& users);

// Puts each user's name into its row (null where it has none), for --json.
void add_names(Json& users);

// A number that is not negative; nullopt for anything else.
std::optional<std::uint64_t> natural(const Json& json);

// A member of `object`, null where it is absent.
const Json& member(const Json& object, const char* name);

}  // namespace scratchfs::mount

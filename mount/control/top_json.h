// What `scratchfs top` is told: users, and who has written how much.
#pragma once

#include <sys/types.h>
#include <vector>

#include "mount/control/protocol.h"
#include "mount/control/writer_names.h"

namespace scratchfs::mount {

// [{"session", "uid", "command", "written", "since", "last"}]: one for each session and user.
Json sessions_to_json(const std::vector<NamedWriter>& writers);
// [{"pid", "uid", "session", "command", "living", "written", "since", "last"}]: one for each
// process and user. Threads that ended unseen count as processes of their own; sums of them are
// left out.
Json processes_to_json(const std::vector<NamedWriter>& writers);
// Adds "written" to the rows of users; users without a row get one.
void add_written(Json& users, const std::vector<NamedWriter>& writers);

}  // namespace scratchfs::mount

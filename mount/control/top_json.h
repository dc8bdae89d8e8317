// Converts the daemon's numbers to the JSON of `scratchfs top`: who has written how much.
#pragma once

#include <sys/types.h>
#include <vector>

#include "mount/control/protocol.h"
#include "mount/control/writer_names.h"

namespace scratchfs::mount {

// [{"session", "uid", "command", "written", "since", "last"}], one row for each session and user.
Json sessions_to_json(const std::vector<NamedWriter>& writers);
// [{"pid", "uid", "session", "command", "living", "written", "since", "last"}], one row for each
// process and user. A thread that ended before its process was known counts as a process of its
// own. Writers without a thread (kernel::Writer::thread is 0) are left out.
Json processes_to_json(const std::vector<NamedWriter>& writers);
// Adds "written" to the rows in `users`, and a row for each writer's user that has none.
void add_written(Json& users, const std::vector<NamedWriter>& writers);

}  // namespace scratchfs::mount

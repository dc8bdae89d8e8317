// Where the daemon's words go: to stderr in the foreground, else to syslog (and so to the journal).
#pragma once

#include <string>

#include "mount/process/refusal.h"

namespace scratchfs::mount {

// Sets spdlog's default logger. `level` as -o log_level=. In the background warnings go to stderr
// too, until leave_terminal(), because whoever mounts is still there to read them.
void start_logging(bool foreground, const std::string& level);

// The background daemon writes to stderr no more; in the foreground nothing changes.
void leave_terminal();

// Says it where somebody reads it: complain() on the terminal, in the background after
// leave_terminal() the log. Gives back the exit code.
int report(const Refusal& refusal);

}  // namespace scratchfs::mount

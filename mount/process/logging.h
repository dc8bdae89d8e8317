// Sets up the daemon's log: stderr in the foreground, otherwise syslog (and so the journal).
#pragma once

#include <string>
#include <string_view>

#include "mount/process/refusal.h"

namespace scratchfs::mount {

// Sets spdlog's default logger; `level` is as in -o log_level=. In the background, warnings also go
// to stderr until leave_terminal(), because the user who mounts is still there to read them.
void start_logging(bool foreground, const std::string& level);

// Stops the background daemon's output to stderr. No effect in the foreground.
void leave_terminal();

// Writes a single error line to syslog, for a process that does not set up logging.
void error_to_syslog(const char* name, std::string_view text);

// Reports the refusal where it will be read, and returns its exit code: with complain() on stderr,
// or, in the background after leave_terminal(), in the log.
int report(const Refusal& refusal);

}  // namespace scratchfs::mount

// Parses the options of `scratchfs set` and `mount -o remount`: changes to a live mount.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "mount/control/protocol.h"
#include "mount/options/mount_options.h"
#include "mount/process/refusal.h"

namespace scratchfs::mount {

struct LiveOptions {
  SetRequest request;
  std::vector<std::string> flags;   // kernel flags, in the order given
  std::vector<std::string> others;  // options that cannot change: must match the mount as it is
  std::vector<std::string> passed_over;  // options that mount(8) adds, or that have no effect here
};

// Like parse_mount_options(), but also accepts `remount` and the options that the kernel shows in
// /proc/self/mountinfo.
Outcome<LiveOptions> parse_live_options(const std::vector<std::string>& lists);

// Whether the options of a mount command include `remount`.
bool asks_for_remount(const std::vector<std::string>& lists);

// Refuses options that cannot be changed, and those that only a remount accepts and ignores:
// `scratchfs set` must not accept what has no effect.
Outcome<void> check_all_live(const LiveOptions& options);

// Refuses a remount if one of `others` differs from the mount's current state. They are given even
// if the user does not want to change them: mount(8) passes all options of the fstab(5) line.
// `status` is the daemon's status.
Outcome<void> check_unchanged(const std::vector<std::string>& others, const Status& status);

}  // namespace scratchfs::mount

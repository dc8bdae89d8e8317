// Options that can be changed while mounted: what `scratchfs set` and `mount -o remount` are given.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "mount/control/protocol.h"
#include "mount/options/mount_options.h"
#include "mount/process/refusal.h"

namespace scratchfs::mount {

bool is_live_option(std::string_view name);

struct LiveOptions {
  SetRequest request;
  std::vector<std::string> flags;        // that the kernel keeps, in the order they were said
  std::vector<std::string> others;       // words that cannot be changed: they must be true already
  std::vector<std::string> passed_over;  // words that mount(8) adds, or that mean nothing here
};

// As parse_mount_options(); `remount`, and what the kernel tells of a mount besides, is known, too.
Outcome<LiveOptions> parse_live_options(const std::vector<std::string>& lists);

// Whether the list of a mount command asks for a change of a live one.
bool asks_for_remount(const std::vector<std::string>& lists);

// Refused: anything but a change. What a remount may say besides would have no effect in `scratchfs
// set`.
Outcome<void> check_all_live(const LiveOptions& options);

// Refused: one of `others` is not how the mount is. mount(8) sends all of a mount's line in
// fstab(5) along. `status`: the daemon's.
Outcome<void> check_unchanged(const std::vector<std::string>& others, const Json& status);

}  // namespace scratchfs::mount

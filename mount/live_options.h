// Options that can be changed while mounted: what `scratchfs set` and `mount -o remount` are given.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "mount/control_protocol.h"
#include "mount/mount_options.h"
#include "mount/refusal.h"

namespace scratchfs::mount {

bool is_live_option(std::string_view name);

struct LiveOptions {
  SetRequest request;
  std::vector<std::string> flags;   // that the kernel keeps, in the order they were said
  std::vector<std::string> others;  // words that cannot be changed: they must be true already
};

// As parse_mount_options(); `remount`, and what the kernel tells of a mount besides, is passed
// over.
Outcome<LiveOptions> parse_live_options(const std::vector<std::string>& lists);

// Whether the list of a mount command asks for a change of a live one.
bool asks_for_remount(const std::vector<std::string>& lists);

// Refused: one of `others` is not how the mount is. mount(8) sends all of a mount's line in
// fstab(5) along. `status`: the daemon's.
Outcome<void> check_unchanged(const std::vector<std::string>& others, const Json& status);

}  // namespace scratchfs::mount

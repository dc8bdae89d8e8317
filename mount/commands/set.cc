// `scratchfs set`, and `-o remount`: changing options of a live mount.
#include "mount/commands/set.h"

#include <sys/statvfs.h>

#include "mount/commands/commands.h"
#include "mount/control/client.h"
#include "mount/control/live_options.h"

namespace scratchfs::mount {

namespace {

Outcome<void> change(const std::string& mountpoint, const SetRequest& request) {
  if (const auto set = ask_daemon_visibly(mountpoint, request, "set"); !set) return set.error();
  return {};
}

Outcome<void> set(const SetCommand& command) {
  const auto options = parse_live_options(command.option_lists);
  if (!options) return options.error();
  if (auto live = check_all_live(*options); !live) return live;
  return change(command.mountpoint, options->request);
}

}  // namespace

Outcome<void> remount(const std::string& mountpoint, const std::vector<std::string>& lists) {
  const auto options = parse_live_options(lists);
  if (!options) return options.error();
  const auto status = ask_daemon_visibly(mountpoint, StatusRequest{}, "status");
  if (!status) return status.error();
  struct statvfs info {};
  if (::statvfs(mountpoint.c_str(), &info) != 0) return failed(mountpoint, errno);
  if (auto same = check_unchanged(options->others, *status, info.f_flag); !same) return same;
  return change(mountpoint, options->request);
}

int run(const SetCommand& command) {
  const auto changed = set(command);
  return changed ? kFine : complain(changed.error());
}

}  // namespace scratchfs::mount

// `scratchfs set`, and `-o remount`: changing options of a live mount.
#include "mount/commands/set.h"

#include <sys/statvfs.h>

#include "mount/commands/commands.h"
#include "mount/control/client.h"
#include "mount/control/live_options.h"

namespace scratchfs::mount {

Outcome<void> change_mount(const std::string& mountpoint, const std::vector<std::string>& lists) {
  const auto options = parse_live_options(lists);
  if (!options) return options.error();
  const auto status = ask_daemon_visibly(mountpoint, StatusRequest{}, "status");
  if (!status) return status.error();
  struct statvfs info {};
  if (::statvfs(mountpoint.c_str(), &info) != 0) return failed(mountpoint, errno);
  if (auto same = check_unchanged(options->others, *status, info.f_flag); !same) return same;
  if (const auto set = ask_daemon_visibly(mountpoint, options->request, "set"); !set)
    return set.error();
  return {};
}

int run(const SetCommand& command) {
  const auto changed = change_mount(command.mountpoint, command.option_lists);
  return changed ? kFine : complain(changed.error());
}

}  // namespace scratchfs::mount

// `scratchfs set` and `-o remount`: change options of a live mount.
#include "mount/commands/set.h"

#include <fmt/ranges.h>
#include <sys/mount.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <cerrno>

#include "mount/commands/commands.h"
#include "mount/control/client.h"
#include "mount/control/live_options.h"
#include "mount/options/kernel_flags.h"

namespace scratchfs::mount {

namespace {

// Changes kernel flags: in the kernel by mount(2), as mount(8) does for any file system, and then
// in the daemon, which maintains the access times.
Outcome<void> change_flags(const std::string& mountpoint, const std::vector<std::string>& words) {
  if (words.empty()) return {};
  struct statvfs info {};
  if (::statvfs(mountpoint.c_str(), &info) != 0) return failed(mountpoint, errno);
  const KernelFlags before = flags_of_statvfs(info.f_flag);
  KernelFlags flags = before;
  // As in the kernel, strictatime stays set unless another word is about access times.
  for (const char* other : {"noatime", "nodiratime", "relatime"}) {
    if (std::ranges::find(words, other) != words.end()) flags &= ~KernelFlags{MS_STRICTATIME};
  }
  for (const std::string& word : words) apply_kernel_flag(word, flags);
  // Without any access time flag, mount(2) would keep the current ones, including nodiratime.
  const KernelFlags told =
      (flags & (MS_NOATIME | MS_STRICTATIME)) == 0 ? flags | MS_RELATIME : flags;
  if (flags != before && ::mount(nullptr, mountpoint.c_str(), nullptr,
                                 MS_REMOUNT | MS_NOSUID | MS_NODEV | told, nullptr) != 0)
    return failed(fmt::format("{}: -o {}", mountpoint, fmt::join(words, ",")), errno);
  // Tells the daemon even if nothing changed here: it does not learn of `mount -o remount,bind`.
  SetRequest request;
  request.flags = fmt::format("{}", fmt::join(words_of(flags), ","));
  if (const auto set = ask_daemon_visibly<OptionsSet>(mountpoint, request); !set)
    return set.error();
  return {};
}

Outcome<void> change(const std::string& mountpoint, const LiveOptions& options) {
  if (const auto set = ask_daemon_visibly<OptionsSet>(mountpoint, options.request); !set)
    return set.error();
  return change_flags(mountpoint, options.flags);
}

Outcome<void> set(const SetCommand& command) {
  const auto options = parse_live_options(command.option_lists);
  if (!options) return options.error();
  if (auto live = check_all_live(*options); !live) return live;
  return change(command.mountpoint, *options);
}

}  // namespace

Outcome<void> remount(const std::string& mountpoint, const std::vector<std::string>& lists) {
  const auto options = parse_live_options(lists);
  if (!options) return options.error();
  const auto status = ask_daemon_visibly<Status>(mountpoint, StatusRequest{});
  if (!status) return status.error();
  if (auto same = check_unchanged(options->others, *status); !same) return same;
  return change(mountpoint, *options);
}

int run(const SetCommand& command) {
  const auto changed = set(command);
  return changed ? kFine : complain(changed.error());
}

}  // namespace scratchfs::mount

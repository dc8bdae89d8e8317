#include "mount/daemon/prepare.h"

#include <unistd.h>

#include <filesystem>
#include <system_error>
#include <utility>

#include "mount/daemon/preflight.h"
#include "mount/options/machine.h"
#include "mount/options/mount_options.h"
#include "mount/options/mount_plan.h"
#include "mount/options/swap.h"

namespace scratchfs::mount {

namespace {

Outcome<void> check_place(const MountCommand& command, base::Descriptor place,
                          const MountOptions& options, DaemonSetup& setup) {
  const uid_t uid = ::geteuid();
  if (auto fuse = check_fuse(); !fuse) return fuse.error();
  if (auto sharing = check_sharing(is_shared(options, uid), uid); !sharing) return sharing.error();
  if (!place.valid()) {
    auto opened = open_mountpoint(command.mountpoint);
    if (!opened) return opened.error();
    place = std::move(*opened);
  }
  auto mountpoint = check_mountpoint(command.mountpoint, std::move(place), options.nonempty);
  if (!mountpoint) return mountpoint.error();
  setup.mountpoint = std::move(mountpoint->path);
  setup.place = std::move(mountpoint->place);
  setup.lock = std::move(mountpoint->lock);
  return {};
}

Outcome<void> read_quotas(const MountOptions& options, DaemonSetup& setup) {
  if (options.quota_file.empty()) return {};
  std::error_code error;
  const auto path = std::filesystem::canonical(options.quota_file, error);
  if (error) return failed("-o quota_file=" + options.quota_file, error.value());
  if (path.string().starts_with(setup.mountpoint + "/")) {
    return usage("-o quota_file=" + options.quota_file +
                 ": would be hidden by the mount itself; put it elsewhere");
  }
  auto quotas = read_quota_file(path, setup.plan.quota_whole);
  if (!quotas) return failed("-o quota_file: " + quotas.error().message);
  setup.quota_file = path;
  setup.quotas = std::move(*quotas);
  return {};
}

// Reads the file of subordinate ids. A missing file is no error, since it may be created later. An
// unreadable /etc/subuid only causes a warning: it is the default, so the user may not have asked
// for it.
Outcome<void> read_subuid(const MountOptions& options, DaemonSetup& setup) {
  if (options.subuid.empty()) return {};
  std::error_code error;
  const auto path = std::filesystem::weakly_canonical(options.subuid, error);
  if (error) return failed("-o subuid=" + options.subuid, error.value());
  setup.subuid_file = path;
  auto ids = read_subordinate_ids(path);
  if (!ids && path == std::filesystem::weakly_canonical(kSubuidFile, error)) {
    setup.plan.warnings.push_back(ids.error().message + "; each subordinate id counts by itself");
    return {};
  }
  if (!ids) return failed("-o subuid: " + ids.error().message);
  setup.subordinate_ids = std::move(*ids);
  if (setup.subordinate_ids.bad_line != 0) {
    setup.plan.warnings.push_back(describe_bad_line(setup.subordinate_ids, setup.subuid_file) +
                                  "; the line is ignored");
  }
  return {};
}

}  // namespace

Outcome<DaemonSetup> prepare(const MountCommand& command, base::Descriptor place) {
  auto options = parse_mount_options(command.option_lists);
  if (!options) return options.error();
  if (command.source) options->source = command.source;
  if (command.debug) options->log_level = "debug";
  DaemonSetup setup;
  setup.foreground = command.foreground || command.debug;
  setup.log_level = options->log_level;
  setup.supervise = options->supervise || command.supervise;
  if (auto checked = check_place(command, std::move(place), *options, setup); !checked)
    return checked.error();
  Surroundings surroundings{.machine = this_machine(),
                            .plaintext_swap = plaintext_swap(),
                            .uid = ::geteuid(),
                            .gid = ::getegid()};
  std::vector<std::string> warnings;
  if (wants_spill(*options)) {
    auto spill = open_spill_directory(options->spill_directory);
    if (!spill) return spill.error();
    setup.spill_directory = std::move(spill->directory);
    setup.spill_path = spill->path;
    surroundings.spill_free = spill->free;
    warnings = std::move(spill->warnings);
  }
  auto plan = make_plan(*options, surroundings);
  if (!plan) return plan.error();
  setup.plan = std::move(*plan);
  setup.plan.warnings.insert(setup.plan.warnings.begin(), warnings.begin(), warnings.end());
  if (auto read = read_quotas(*options, setup); !read) return read.error();
  if (auto read = read_subuid(*options, setup); !read) return read.error();
  return setup;
}

}  // namespace scratchfs::mount

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

// Opens the mount point, `directory`, and the spill directory. Returns the bytes free in the
// latter.
Outcome<std::uint64_t> open_directories(DaemonSetup& setup, base::Descriptor directory) {
  auto mountpoint = check_mountpoint(setup.mountpoint, std::move(directory), setup.nonempty);
  if (!mountpoint) return mountpoint.error();
  setup.mountpoint = std::move(mountpoint->path);
  setup.directory = std::move(mountpoint->directory);
  setup.lock = std::move(mountpoint->lock);
  setup.warnings.clear();
  if (setup.spill_path.empty()) return std::uint64_t{0};
  auto spill = open_spill_directory(setup.spill_path);
  if (!spill) return spill.error();
  setup.spill_directory = std::move(spill->directory);
  setup.spill_path = std::move(spill->path);
  setup.warnings = std::move(spill->warnings);
  return spill->free;
}

Outcome<void> read_quotas(DaemonSetup& setup) {
  if (setup.quota_file.empty()) return {};
  std::error_code error;
  const auto path = std::filesystem::canonical(setup.quota_file, error);
  if (error) return failed("-o quota_file=" + setup.quota_file, error.value());
  if (path.string().starts_with(setup.mountpoint + "/")) {
    return usage("-o quota_file=" + setup.quota_file +
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
Outcome<void> read_subuid(DaemonSetup& setup) {
  setup.subordinate_ids = {};
  if (setup.subuid_file.empty()) return {};
  std::error_code error;
  const auto path = std::filesystem::weakly_canonical(setup.subuid_file, error);
  if (error) return failed("-o subuid=" + setup.subuid_file, error.value());
  setup.subuid_file = path;
  auto ids = read_subordinate_ids(path);
  if (!ids && path == std::filesystem::weakly_canonical(kSubuidFile, error)) {
    setup.warnings.push_back(ids.error().message + "; each subordinate id counts by itself");
    return {};
  }
  if (!ids) return failed("-o subuid: " + ids.error().message);
  setup.subordinate_ids = std::move(*ids);
  if (setup.subordinate_ids.bad_line != 0) {
    setup.warnings.push_back(describe_bad_line(setup.subordinate_ids, setup.subuid_file) +
                             "; the line is ignored");
  }
  return {};
}

Outcome<void> read_files(DaemonSetup& setup) {
  if (auto read = read_quotas(setup); !read) return read;
  return read_subuid(setup);
}

}  // namespace

Outcome<DaemonSetup> prepare(const MountCommand& command) {
  auto options = parse_mount_options(command.option_lists);
  if (!options) return options.error();
  if (command.source) options->source = command.source;
  DaemonSetup setup;
  setup.mountpoint = command.mountpoint;
  setup.nonempty = options->nonempty;
  if (wants_spill(*options)) setup.spill_path = options->spill_directory;
  setup.quota_file = options->quota_file;
  setup.subuid_file = options->subuid;
  setup.log_level = command.debug ? "debug" : options->log_level;
  setup.foreground = command.foreground || command.debug;
  setup.supervise = options->supervise || command.supervise;
  const uid_t uid = ::geteuid();
  if (auto fuse = check_fuse(); !fuse) return fuse.error();
  if (auto sharing = check_sharing(is_shared(*options, uid), uid); !sharing) return sharing.error();
  auto directory = open_mountpoint(command.mountpoint);
  if (!directory) return directory.error();
  const auto spill_free = open_directories(setup, std::move(*directory));
  if (!spill_free) return spill_free.error();
  auto plan = make_plan(*options, {.machine = this_machine(),
                                   .plaintext_swap = plaintext_swap(),
                                   .spill_free = *spill_free,
                                   .uid = uid,
                                   .gid = ::getegid()});
  if (!plan) return plan.error();
  setup.plan = std::move(*plan);
  if (auto read = read_files(setup); !read) return read.error();
  return setup;
}

Outcome<void> prepare_again(DaemonSetup& setup, base::Descriptor directory) {
  if (auto opened = open_directories(setup, std::move(directory)); !opened) return opened.error();
  return read_files(setup);
}

}  // namespace scratchfs::mount

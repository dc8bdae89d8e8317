// The -o list: what may be said there, and what it means.
#pragma once

#include <sys/types.h>
#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "fs/kernel/session.h"
#include "fs/lifetime/claim_kind.h"
#include "fs/lifetime/lifetime.h"
#include "fs/quota/ledger.h"
#include "fs/tree/create_mode.h"
#include "mount/options/kernel_flags.h"
#include "mount/process/refusal.h"

namespace scratchfs::mount {

inline constexpr const char* kNoLimit = "none";
inline constexpr const char* kSubuidFile = "/etc/subuid";

// A user's own limits, the bytes as they were written.
struct UserQuota {
  uid_t uid = 0;
  std::string bytes;
  std::uint64_t inodes = limits::kUnlimited;
};

// Sizes stay as they were written (and are known to be sizes): what a percentage is of,
// mount_plan.h finds out.
struct MountOptions {
  std::optional<std::string> source;
  std::string memory = "25%";  // of the machine's
  std::string spill_directory = "/var/tmp";
  std::string spill = "80%";  // of what is free there
  std::chrono::seconds spill_timeout = kernel::kRingPatience;
  std::string quota = kNoLimit;  // a percentage: of memory and spill together
  std::uint64_t quota_inodes = limits::kUnlimited;
  std::vector<UserQuota> user_quotas;
  std::string quota_file;               // empty: none
  std::string subuid = kSubuidFile;     // empty: none
  unsigned quota_warn = 90;             // percent of a limit; 0: never
  std::optional<std::uint64_t> inodes;  // of the whole mount
  limits::LifetimeMode lifetime = limits::LifetimeMode::claimed;
  tree::ClaimKind claim = tree::ClaimKind::session;
  limits::CreateMode create_mode = limits::CreateMode::owner_only;
  kernel::IoUring io_uring = kernel::IoUring::automatic;
  std::optional<bool> allow_other;  // not said: root's mounts are shared, a user's are not
  bool nonempty = false;
  bool lock_memory = false;
  bool supervise = false;      // a daemon that dies is followed by another
  bool confine = true;         // as far as it can be
  bool private_names = false;  // in the root
  std::string log_level = "info";
  KernelFlags kernel_flags = 0;  // noexec and the like
};

// Each element is what one -o was followed by. Of an option that is said twice the last counts, as
// with mount(8), so that `mount -o` can override fstab; user_quota= adds up. Commas and backslashes
// in values are written `\,` and `\\`. Refusals are usage errors.
Outcome<MountOptions> parse_mount_options(const std::vector<std::string>& lists);

// The words of one such list, with commas and backslashes as they are meant.
std::vector<std::string> split_options(std::string_view list);
// A word as it is written in such a list.
std::string escape_option(std::string_view word);
// Words that the kernel, mount(8) and others say to each other and that change nothing here.
bool is_ignored_option(std::string_view word);

// For --help and the manual: every option of ours, in the order to show them.
struct OptionHelp {
  std::string_view name;
  std::string_view value;  // empty: takes none
  std::string_view text;
};
std::vector<OptionHelp> mount_option_help();

// The words of an option's values, for status.
std::string_view name_of(limits::LifetimeMode mode);
std::string_view name_of(limits::CreateMode mode);
std::string_view name_of(tree::ClaimKind kind);

// A limit in bytes: a size, a percentage of `whole`, or `none`. The message says why not.
base::Result<std::uint64_t, base::Failure> parse_byte_limit(std::string_view text,
                                                            std::uint64_t whole);
// A limit in inodes: a number above 0 or `none`.
base::Result<std::uint64_t, base::Failure> parse_inode_limit(std::string_view text);

}  // namespace scratchfs::mount

// The options of a mount: parses the lists given after -o.
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

// One user's limits.
struct UserQuota {
  uid_t uid = 0;
  std::string bytes;  // as the user wrote them: a size, a percentage or `none`
  std::uint64_t inodes = quota::kUnlimited;
  friend bool operator==(const UserQuota&, const UserQuota&) = default;
};

// Sizes are kept as the user wrote them, and are valid; make_plan() converts percentages to bytes.
struct MountOptions {
  std::optional<std::string> source;
  std::string memory = "25%";  // a percentage is of the machine's memory
  std::string spill_directory = "/var/tmp";
  std::string spill = "80%";  // a percentage is of the free space in spill_directory
  std::chrono::seconds spill_timeout = kernel::kSpillTimeout;
  std::string quota = kNoLimit;  // a percentage is of memory and spill together
  std::uint64_t quota_inodes = quota::kUnlimited;
  std::vector<UserQuota> user_quotas;
  std::string quota_file;               // empty: none
  std::string subuid = kSubuidFile;     // empty: none
  unsigned quota_warn = 90;             // percentage of a limit at which to warn; 0: never
  std::optional<std::uint64_t> inodes;  // limit for the whole mount
  lifetime::LifetimeMode lifetime = lifetime::LifetimeMode::claimed;
  lifetime::ClaimKind claim = lifetime::ClaimKind::session;
  tree::CreateMode create_mode = tree::CreateMode::owner_only;
  kernel::IoUring io_uring = kernel::IoUring::automatic;
  std::optional<bool> allow_other;  // nullopt: root's mounts are shared, other users' are not
  bool nonempty = false;
  bool lock_memory = false;
  bool supervise = false;      // restart a daemon that dies
  bool confine = true;         // drop privileges and filter system calls where possible
  bool private_names = false;  // show each user only their own entries of the root directory
  std::string log_level = "info";
  KernelFlags kernel_flags = 0;       // noexec and the like
  std::vector<std::string> warnings;  // about options that have no effect
  friend bool operator==(const MountOptions&, const MountOptions&) = default;
};

// One option: all that the program and its documents say about it comes from its row or is checked
// against it.
struct MountOption {
  std::string_view name;
  std::string_view argument;       // placeholder of the value; empty: takes none
  std::string_view default_value;  // as written after -o, or in words; empty: none to tell
  std::string_view text;           // for --help and README.md; scratchfs(1) says more
  std::string_view status;         // JSON pointer to its value in `status --json`; empty: not there
  bool live = false;               // can be changed while mounted
  struct Value {
    // Sets the value; returns why it is refused, or an empty string.
    std::string (*set)(MountOptions& options, std::string_view text);
    std::vector<std::string_view> (*words)() = nullptr;  // the possible values; null: too many
  } value;
};

// All options, in the order of --help and README.md.
std::span<const MountOption> mount_options();
// Returns the row of an option; nullptr: there is none.
const MountOption* find_mount_option(std::string_view name);

// Parses the arguments of all -o options, one element for each. If an option is repeated, the last
// one counts, as in mount(8), so that `mount -o` can override fstab(5); only user_quota=
// accumulates. Refusals are usage errors.
Outcome<MountOptions> parse_mount_options(const std::vector<std::string>& lists);

// Splits such lists into words. `\,` and `\\` stand for a comma and a backslash within a word.
std::vector<std::string> split_options(const std::vector<std::string>& lists);
// Parses such words, as parse_mount_options() does.
Outcome<MountOptions> parse_option_words(const std::vector<std::string>& words);
// Whether the word is accepted but has no effect here, being meant for mount(8), fstab(5) or
// systemd.
bool is_ignored_option(std::string_view word);

// The values of these options as the user writes them, for status.
std::string name_of(lifetime::LifetimeMode mode);
std::string name_of(tree::CreateMode mode);
std::string name_of(lifetime::ClaimKind kind);

// Parses a limit in bytes: a size, a percentage of `whole`, or `none`. The failure says what is
// wrong.
base::Result<std::uint64_t, base::Failure> parse_byte_limit(std::string_view text,
                                                            std::uint64_t whole);
// Parses a limit in inodes: a number above 0, or `none`.
base::Result<std::uint64_t, base::Failure> parse_inode_limit(std::string_view text);

}  // namespace scratchfs::mount

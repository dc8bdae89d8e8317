#include "mount/options/mount_options.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <utility>

#include "fs/base/number.h"
#include "fs/quota/size.h"
#include "mount/process/user_names.h"

namespace scratchfs::mount {

namespace {

using base::parse_number;
using Value = MountOption::Value;

// Why a value is refused; empty if it is accepted.
using Complaint = std::string;

// Stands in for the total when a percentage is only checked; the real total is known later.
constexpr std::uint64_t kAnyWhole = 100;

template <typename T>
struct Word {
  std::string_view word;
  T value;
};

// clang-format off
constexpr auto kLifetimes = std::to_array<Word<lifetime::LifetimeMode>>({
    {"strict", lifetime::LifetimeMode::strict}, {"claimed", lifetime::LifetimeMode::claimed},
    {"mount", lifetime::LifetimeMode::mount}});
constexpr auto kClaims = std::to_array<Word<lifetime::ClaimKind>>({
    {"session", lifetime::ClaimKind::session}, {"process", lifetime::ClaimKind::process},
    {"cgroup", lifetime::ClaimKind::cgroup}, {"user", lifetime::ClaimKind::user}});
constexpr auto kCreateModes = std::to_array<Word<tree::CreateMode>>({
    {"private", tree::CreateMode::owner_only}, {"0600", tree::CreateMode::exactly_0600},
    {"posix", tree::CreateMode::posix}});
constexpr auto kIoUring = std::to_array<Word<kernel::IoUring>>({
    {"auto", kernel::IoUring::automatic}, {"on", kernel::IoUring::on},
    {"off", kernel::IoUring::off}});
constexpr auto kConfine = std::to_array<Word<bool>>({{"auto", true}, {"off", false}});
constexpr auto kLogLevels = std::to_array<Word<std::string_view>>({
    {"debug", "debug"}, {"info", "info"}, {"warning", "warning"}, {"error", "error"},
    {"off", "off"}});
// clang-format on

template <const auto& Words>
std::string word_for(const auto& value) {
  return std::string(
      std::ranges::find_if(Words, [&](const auto& word) { return word.value == value; })->word);
}

template <const auto& Words>
std::vector<std::string_view> all_words() {
  std::vector<std::string_view> words;
  for (const auto& [word, value] : Words) words.push_back(word);
  return words;
}

template <const auto& Words>
Complaint read_word(std::string_view text, auto& into) {
  const auto found =
      std::ranges::find_if(Words, [&](const auto& word) { return word.word == text; });
  if (found == Words.end())
    return fmt::format("must be one of {}", fmt::join(all_words<Words>(), ", "));
  into = found->value;
  return {};
}

Complaint read_size(std::string_view text, std::string& into) {
  into = text;
  const auto size = quota::parse_size(text, kAnyWhole);
  const auto* error = std::get_if<quota::SizeError>(&size);
  return error == nullptr ? Complaint() : quota::explain(*error);
}

Complaint read_byte_limit(std::string_view text, std::string& into) {
  into = text;
  const auto limit = parse_byte_limit(text, kAnyWhole);
  return limit ? Complaint() : limit.error().message;
}

constexpr auto read_inodes = [](std::string_view text, auto& into) -> Complaint {
  const auto limit = parse_inode_limit(text);
  if (!limit) return limit.error().message;
  into = *limit;
  return {};
};

Complaint read_seconds(std::string_view text, std::chrono::seconds& into) {
  constexpr unsigned kMost = 24 * 60 * 60;
  const unsigned seconds = parse_number<unsigned>(text).value_or(0);
  if (seconds == 0 || seconds > kMost) return "must be a whole number of seconds, from 1 to 86400";
  into = std::chrono::seconds(seconds);
  return {};
}

Complaint read_percent(std::string_view text, unsigned& into) {
  const bool never = text == kNoLimit;
  if (text.ends_with('%')) text.remove_suffix(1);
  into = never ? 0 : parse_number<unsigned>(text).value_or(0);
  const bool valid = never || (into >= 1 && into <= 100);
  return valid ? Complaint() : "must be a percentage from 1% to 100%, or none";
}

constexpr auto read_text = [](std::string_view text, auto& into) -> Complaint {
  into = text;
  return {};
};

Complaint read_file(std::string_view text, std::string& into) {
  into = text == kNoLimit ? "" : text;
  return {};
}

// A value that is kept in a member of MountOptions.
template <auto Member, auto Read>
constexpr Value kValue{
    [](MountOptions& options, std::string_view text) { return Read(text, options.*Member); }};

template <auto Member, const auto& Words>
constexpr Value kWord{[](MountOptions& options, std::string_view text) {
                        return read_word<Words>(text, options.*Member);
                      },
                      all_words<Words>};

// An option without a value.
template <auto Member, bool Sets = true>
constexpr Value kFlag{[](MountOptions& options, std::string_view) {
  options.*Member = Sets;
  return Complaint();
}};

// USER:SIZE[:INODES]
Complaint add_user_quota(MountOptions& options, std::string_view text) {
  const std::size_t user = text.find(':');
  if (user == text.npos) return "must be USER:SIZE or USER:SIZE:INODES";
  const std::size_t size = std::min(text.find(':', user + 1), text.size());
  UserQuota quota{.bytes = std::string(text.substr(user + 1, size - user - 1))};
  if (const auto limit = parse_byte_limit(quota.bytes, kAnyWhole); !limit)
    return limit.error().message;
  if (size < text.size()) {
    const auto limit = parse_inode_limit(text.substr(size + 1));
    if (!limit) return limit.error().message;
    quota.inodes = *limit;
  }
  const auto uid = find_user(text.substr(0, user));
  if (!uid) return "there is no user " + std::string(text.substr(0, user));
  quota.uid = *uid;
  const auto other = std::ranges::find(options.user_quotas, quota.uid, &UserQuota::uid);
  if (other == options.user_quotas.end()) {
    options.user_quotas.push_back(std::move(quota));
  } else if (other->bytes != quota.bytes || other->inodes != quota.inodes) {
    return "contradicts an earlier user_quota of the same user: give only one";
  }
  return {};
}

using M = MountOptions;
constexpr bool kLive = true;

// clang-format off
constexpr auto kOptions = std::to_array<MountOption>({
    {"memory", "SIZE", "25%", "memory for file contents: 512M, 2G, 10% of the machine's memory",
     "/memory/budget", kLive, kValue<&M::memory, read_size>},
    {"spill_dir", "DIR", "/var/tmp", "directory for blocks that do not fit in memory",
     "/spill/directory", !kLive, kValue<&M::spill_directory, read_text>},
    {"spill", "SIZE", "80%", "the most to spill there; % is of the free space; 0: never",
     "/spill/limit", kLive, kValue<&M::spill, read_size>},
    {"spill_timeout", "SECONDS", "30", "over io_uring: EIO after this long without disk progress",
     "/spill/timeout_seconds", !kLive, kValue<&M::spill_timeout, read_seconds>},
    {"quota", "SIZE", "none", "bytes per user except root; % is of memory plus spill",
     "", kLive, kValue<&M::quota, read_byte_limit>},
    {"quota_inodes", "N", "none", "files and other objects per user except root",
     "", kLive, kValue<&M::quota_inodes, read_inodes>},
    {"user_quota", "USER:SIZE[:N]", "", "limits of one user, who may be root; repeat it for others",
     "", kLive, {add_user_quota}},
    {"quota_file", "FILE", "none", "limits of many users; read again on SIGHUP",
     "/quota_file", !kLive, kValue<&M::quota_file, read_file>},
    {"subuid", "FILE", "/etc/subuid", "charge subordinate ids to their holders; none: do not",
     "/subuid", !kLive, kValue<&M::subuid, read_file>},
    {"quota_warn", "PERCENT", "90%", "warn about users above this share of a limit; none: never",
     "/quota_warn_percent", !kLive, kValue<&M::quota_warn, read_percent>},
    {"inodes", "N", "one per 2 KiB of memory", "files and other objects on the whole mount",
     "/files/inodes_limit", !kLive, kValue<&M::inodes, read_inodes>},
    {"lifetime", "MODE", "claimed", "what holds a file",
     "/lifetime", !kLive, kWord<&M::lifetime, kLifetimes>},
    {"claim", "KIND", "session", "who holds a claim",
     "/claim", !kLive, kWord<&M::claim, kClaims>},
    {"create_mode", "MODE", "private", "permissions of new files",
     "/create_mode", !kLive, kWord<&M::create_mode, kCreateModes>},
    {"io_uring", "WHEN", "auto", "talk to the kernel over io_uring",
     "/transport/io_uring", !kLive, kWord<&M::io_uring, kIoUring>},
    {"allow_other", "", "", "let other users use the mount (the default if root mounts)",
     "/shared", !kLive, kFlag<&M::allow_other>},
    {"noallow_other", "", "", "let nobody else use the mount (the default for other users)",
     "/shared", !kLive, kFlag<&M::allow_other, false>},
    {"nonempty", "", "", "mount over a directory that is not empty",
     "", !kLive, kFlag<&M::nonempty>},
    {"lock_memory", "", "", "keep contents out of swap; needs root or a sufficient ulimit -l",
     "/memory/locked", !kLive, kFlag<&M::lock_memory>},
    {"supervise", "", "", "when the daemon dies, start a new one, with an empty mount",
     "/supervised", !kLive, kFlag<&M::supervise>},
    {"private_names", "", "", "in the root, show each user only their own entries",
     "/private_names", !kLive, kFlag<&M::private_names>},
    {"confine", "WHEN", "auto", "drop privileges that root's daemon does not need",
     "/confine", !kLive, kWord<&M::confine, kConfine>},
    {"log_level", "LEVEL", "info", "least severity to log",
     "", kLive, kWord<&M::log_level, kLogLevels>},
    {"fsname", "NAME", "scratchfs", "the same as SOURCE: the name that df shows",
     "", !kLive, kValue<&M::source, read_text>},
});
// clang-format on

// Options meant for mount(8), fstab(5) or systemd, and options without effect here: nosuid and
// nodev are always on, and there are no times on disk to update lazily.
constexpr auto kIgnored = std::to_array<std::string_view>(
    {"dev", "nodev", "suid", "nosuid", "auto", "noauto", "user", "nouser", "users", "owner",
     "group", "nofail", "_netdev", "defaults", "nolazytime", "lazytime", "silent", "loud",
     "default_permissions"});
constexpr auto kIgnoredPrefixes =
    std::to_array<std::string_view>({"x-", "X-", "comment=", "user=", "subtype="});

// Options that are refused, each with its own reason.
constexpr auto kRefused = std::to_array<std::pair<std::string_view, std::string_view>>({
    {"remount", "nothing is mounted yet; to change a mount, use scratchfs set"},
    {"bind", "a bind mount is not made by scratchfs; use mount --bind"},
    {"allow_root", "not supported; use allow_other, or mount as root"},
    {"auto_unmount", "not needed: a mount whose daemon dies is always detached; leave it out"},
});

Complaint apply_word(MountOptions& options, std::string_view word) {
  const std::size_t equals = std::min(word.find('='), word.size());
  if (const MountOption* option = find_mount_option(word.substr(0, equals))) {
    const std::string_view value = word.substr(std::min(equals + 1, word.size()));
    if (option->argument.empty() && equals < word.size()) return "takes no value";
    if (!option->argument.empty() && value.empty())
      return fmt::format("needs a value: {}={}", option->name, option->argument);
    return option->value.set(options, value);
  }
  for (const auto& [refused, why] : kRefused) {
    if (refused == word) return Complaint(why);
  }
  if (is_kernel_flag(word)) {
    apply_kernel_flag(word, options.kernel_flags);
  } else if (!is_ignored_option(word)) {
    return "unknown option; see scratchfs mount --help";
  }
  return {};
}

// Warns of options that have no effect.
void add_warnings(MountOptions& options, const std::vector<std::string>& words) {
  // mount(8) begins its list with ro or rw, and mount.fuse3(8) appends dev and suid to it.
  const bool from_mount = !words.empty() && (words[0] == "rw" || words[0] == "ro");
  for (const std::string& word : words) {
    if ((word == "dev" || word == "suid") && !from_mount) {
      options.warnings.push_back(
          fmt::format("-o {0}: no effect, a scratchfs is always no{0}; leave it out", word));
    } else if (word.starts_with("spill_timeout=") && options.io_uring == kernel::IoUring::off) {
      options.warnings.push_back("-o " + word +
                                 ": no effect with io_uring=off; leave one of the two out");
    }
  }
}

bool is_one_line(std::string_view text) {
  return std::ranges::none_of(
      text, [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; });
}

}  // namespace

std::span<const MountOption> mount_options() { return kOptions; }

const MountOption* find_mount_option(std::string_view name) {
  const auto* const found = std::ranges::find(kOptions, name, &MountOption::name);
  return found == kOptions.end() ? nullptr : found;
}

bool is_ignored_option(std::string_view word) {
  return std::ranges::find(kIgnored, word) != kIgnored.end() ||
         std::ranges::any_of(kIgnoredPrefixes,
                             [&](std::string_view prefix) { return word.starts_with(prefix); });
}

std::vector<std::string> split_options(const std::vector<std::string>& lists) {
  std::vector<std::string> words;
  for (const std::string& list : lists) {
    std::string word;
    for (std::size_t i = 0; i <= list.size(); ++i) {
      if (i == list.size() || list[i] == ',') {
        if (!word.empty()) words.push_back(std::move(word));
        word.clear();
        continue;
      }
      if (list[i] == '\\' && i + 1 < list.size()) ++i;
      word += list[i];
    }
  }
  return words;
}

Outcome<MountOptions> parse_mount_options(const std::vector<std::string>& lists) {
  return parse_option_words(split_options(lists));
}

Outcome<MountOptions> parse_option_words(const std::vector<std::string>& words) {
  MountOptions options;
  for (const std::string& word : words) {
    if (!is_one_line(word)) return usage("-o: control characters are not allowed in options");
    if (const Complaint complaint = apply_word(options, word); !complaint.empty())
      return usage(fmt::format("-o {}: {}", word, complaint));
  }
  add_warnings(options, words);
  return options;
}

std::string name_of(lifetime::LifetimeMode mode) { return word_for<kLifetimes>(mode); }
std::string name_of(tree::CreateMode mode) { return word_for<kCreateModes>(mode); }
std::string name_of(lifetime::ClaimKind kind) { return word_for<kClaims>(kind); }

base::Result<std::uint64_t, base::Failure> parse_byte_limit(std::string_view text,
                                                            std::uint64_t whole) {
  if (text == kNoLimit) return quota::kUnlimited;
  const auto size = quota::parse_size(text, whole);
  if (const auto* error = std::get_if<quota::SizeError>(&size)) {
    return base::Failure{quota::explain(*error)};
  }
  const std::uint64_t bytes = *std::get_if<std::uint64_t>(&size);
  if (bytes == 0) return base::Failure{"nobody could write; for no limit, use none"};
  return bytes;
}

base::Result<std::uint64_t, base::Failure> parse_inode_limit(std::string_view text) {
  if (text == kNoLimit) return quota::kUnlimited;
  const auto number = parse_number<std::uint64_t>(text);
  if (!number) return base::Failure{"must be a whole number, or none"};
  if (*number == 0) return base::Failure{"nobody could create a file; for no limit, use none"};
  return *number;
}

}  // namespace scratchfs::mount

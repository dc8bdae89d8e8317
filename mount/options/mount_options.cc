#include "mount/options/mount_options.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "fs/quota/size.h"
#include "mount/process/user_names.h"

namespace scratchfs::mount {

namespace {

// Why a value is refused; empty if it is accepted.
using Complaint = std::string;

// Stands in for the total when a percentage is only checked; the real total is known later.
constexpr std::uint64_t kAnyWhole = 100;

Complaint check_size(std::string_view text) {
  const auto size = quota::parse_size(text, kAnyWhole);
  const auto* error = std::get_if<quota::SizeError>(&size);
  return error == nullptr ? Complaint() : quota::explain(*error);
}

template <typename T, std::size_t N>
using Words = std::array<std::pair<std::string_view, T>, N>;

constexpr Words<lifetime::LifetimeMode, 3> kLifetimes{{{"strict", lifetime::LifetimeMode::strict},
                                                       {"claimed", lifetime::LifetimeMode::claimed},
                                                       {"mount", lifetime::LifetimeMode::mount}}};
constexpr Words<tree::CreateMode, 3> kCreateModes{{{"private", tree::CreateMode::owner_only},
                                                   {"0600", tree::CreateMode::exactly_0600},
                                                   {"posix", tree::CreateMode::posix}}};
constexpr Words<kernel::IoUring, 3> kIoUring{{{"auto", kernel::IoUring::automatic},
                                              {"on", kernel::IoUring::on},
                                              {"off", kernel::IoUring::off}}};
constexpr Words<lifetime::ClaimKind, 4> kClaims{{{"session", lifetime::ClaimKind::session},
                                                 {"process", lifetime::ClaimKind::process},
                                                 {"cgroup", lifetime::ClaimKind::cgroup},
                                                 {"user", lifetime::ClaimKind::user}}};
constexpr Words<bool, 2> kConfine{{{"auto", true}, {"off", false}}};
constexpr Words<bool, 6> kLogLevels{{{"trace", true},
                                     {"debug", true},
                                     {"info", true},
                                     {"warning", true},
                                     {"error", true},
                                     {"off", true}}};

template <typename T, std::size_t N>
Complaint choose(const Words<T, N>& words, std::string_view text, T& into) {
  std::string all;
  for (const auto& [word, value] : words) {
    if (word == text) {
      into = value;
      return {};
    }
    all += (all.empty() ? "" : ", ") + std::string(word);
  }
  return "must be one of " + all;
}

template <typename T, std::size_t N>
std::string_view word_for(const Words<T, N>& words, T value) {
  const auto found = std::find_if(words.begin(), words.end(),
                                  [&](const auto& word) { return word.second == value; });
  return found == words.end() ? "?" : found->first;
}

Complaint set_size(std::string& into, std::string_view text) {
  into = text;
  return check_size(text);
}

Complaint set_quota(MountOptions& options, std::string_view text) {
  options.quota = text;
  const auto limit = parse_byte_limit(text, kAnyWhole);
  return limit ? Complaint() : limit.error().message;
}

Complaint set_inodes(std::uint64_t& into, std::string_view text) {
  const auto limit = parse_inode_limit(text);
  if (!limit) return limit.error().message;
  into = *limit;
  return {};
}

Complaint set_seconds(std::chrono::seconds& into, std::string_view text) {
  constexpr unsigned kMost = 24 * 60 * 60;
  unsigned seconds = 0;
  const char* end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, seconds);
  if (error != std::errc{} || stopped != end || seconds == 0 || seconds > kMost)
    return "must be a whole number of seconds, from 1 to 86400";
  into = std::chrono::seconds(seconds);
  return {};
}

Complaint set_quota_warn(MountOptions& options, std::string_view text) {
  if (text == kNoLimit) {
    options.quota_warn = 0;
    return {};
  }
  const std::string_view digits = text.ends_with('%') ? text.substr(0, text.size() - 1) : text;
  unsigned percent = 0;
  const char* end = digits.data() + digits.size();
  const auto [stopped, error] = std::from_chars(digits.data(), end, percent);
  if (error != std::errc{} || stopped != end || percent < 1 || percent > 100) {
    return "must be a percentage from 1% to 100%, or none";
  }
  options.quota_warn = percent;
  return {};
}

Complaint set_file(std::string& into, std::string_view text) {
  into = text;
  return text.empty() ? "the name of a file is missing" : Complaint();
}

Complaint set_subuid(MountOptions& options, std::string_view text) {
  Complaint complaint = set_file(options.subuid, text);
  if (text == kNoLimit) options.subuid.clear();
  return complaint;
}

// USER:SIZE[:INODES]
Complaint add_user_quota(MountOptions& options, std::string_view text) {
  const std::size_t first = text.find(':');
  if (first == std::string_view::npos) return "must be USER:SIZE or USER:SIZE:INODES";
  const std::string_view user = text.substr(0, first);
  std::string_view bytes = text.substr(first + 1);
  UserQuota quota;
  if (const std::size_t second = bytes.find(':'); second != std::string_view::npos) {
    if (auto complaint = set_inodes(quota.inodes, bytes.substr(second + 1)); !complaint.empty()) {
      return complaint;
    }
    bytes = bytes.substr(0, second);
  }
  quota.bytes = bytes;
  const auto limit = parse_byte_limit(bytes, kAnyWhole);
  if (!limit) return limit.error().message;
  const auto uid = find_user(user);
  if (!uid) return "there is no user " + std::string(user);
  quota.uid = *uid;
  for (const UserQuota& other : options.user_quotas) {
    if (other.uid != quota.uid) continue;
    if (other.bytes == quota.bytes && other.inodes == quota.inodes) return {};
    return "contradicts an earlier user_quota of the same user: give only one";
  }
  options.user_quotas.push_back(std::move(quota));
  return {};
}

Complaint set_directory(std::string& into, std::string_view text) {
  into = text;
  return text.empty() ? "the name of a directory is missing" : Complaint();
}

struct Option {
  OptionHelp help;
  Complaint (*apply)(MountOptions& options, std::string_view value);
};

// clang-format off
constexpr auto kOptions = std::to_array<Option>({
    {{"memory", "SIZE", "memory that contents may use: 512M, 2G, 10% of the machine's (25%)"},
     [](MountOptions& o, std::string_view v) { return set_size(o.memory, v); }},
    {{"spill_dir", "DIR", "where blocks go that memory has no room for (/var/tmp)"},
     [](MountOptions& o, std::string_view v) { return set_directory(o.spill_directory, v); }},
    {{"spill", "SIZE", "how much may go there (80% of what is free); 0: nothing"},
     [](MountOptions& o, std::string_view v) { return set_size(o.spill, v); }},
    {{"spill_timeout", "SECONDS", "with io_uring: how long a request waits for that disk (30)"},
     [](MountOptions& o, std::string_view v) { return set_seconds(o.spill_timeout, v); }},
    {{"quota", "SIZE", "bytes each user may have; % of memory and spill; none (none)"},
     [](MountOptions& o, std::string_view v) { return set_quota(o, v); }},
    {{"quota_inodes", "N", "files, directories, ... each user may have; none (none)"},
     [](MountOptions& o, std::string_view v) { return set_inodes(o.quota_inodes, v); }},
    {{"user_quota", "USER:SIZE[:N]", "the same for one user, root included; may be given for many"},
     [](MountOptions& o, std::string_view v) { return add_user_quota(o, v); }},
    {{"quota_file", "FILE", "limits of many users, read now and on SIGHUP"},
     [](MountOptions& o, std::string_view v) { return set_file(o.quota_file, v); }},
    {{"subuid", "FILE", "whose subordinate ids count as his (/etc/subuid); none"},
     [](MountOptions& o, std::string_view v) { return set_subuid(o, v); }},
    {{"quota_warn", "PERCENT", "of a limit, at which log and status tell of its user; none (90%)"},
     [](MountOptions& o, std::string_view v) { return set_quota_warn(o, v); }},
    {{"inodes", "N", "files, directories, ... of the whole mount (one per 2K of memory)"},
     [](MountOptions& o, std::string_view v) { return set_inodes(o.inodes.emplace(), v); }},
    {{"lifetime", "MODE", "what keeps a file: strict, claimed, mount (claimed)"},
     [](MountOptions& o, std::string_view v) { return choose(kLifetimes, v, o.lifetime); }},
    {{"claim", "KIND", "who claims what it makes: session, process, cgroup, user (session)"},
     [](MountOptions& o, std::string_view v) { return choose(kClaims, v, o.claim); }},
    {{"create_mode", "MODE", "permissions of new files: private, 0600, posix (private)"},
     [](MountOptions& o, std::string_view v) { return choose(kCreateModes, v, o.create_mode); }},
    {{"io_uring", "WHEN", "talk to the kernel over io_uring: auto, on, off (auto)"},
     [](MountOptions& o, std::string_view v) { return choose(kIoUring, v, o.io_uring); }},
    {{"allow_other", "", "all users may use the mount (so if root mounts)"},
     [](MountOptions& o, std::string_view /*v*/) { o.allow_other = true; return Complaint(); }},
    {{"noallow_other", "", "only who mounts may use it (so if anyone else mounts)"},
     [](MountOptions& o, std::string_view /*v*/) { o.allow_other = false; return Complaint(); }},
    {{"nonempty", "", "hide what the mount point holds already"},
     [](MountOptions& o, std::string_view /*v*/) { o.nonempty = true; return Complaint(); }},
    {{"lock_memory", "", "keep all of it out of swap; needs root or a sufficient ulimit -l"},
     [](MountOptions& o, std::string_view /*v*/) { o.lock_memory = true; return Complaint(); }},
    {{"supervise", "", "when the daemon dies, start another at the same place, with no files"},
     [](MountOptions& o, std::string_view /*v*/) { o.supervise = true; return Complaint(); }},
    {{"private_names", "", "in the root each user is shown only what is his own"},
     [](MountOptions& o, std::string_view /*v*/) { o.private_names = true; return Complaint(); }},
    {{"confine", "WHEN", "root's daemon gives up what it does not need: auto, off (auto)"},
     [](MountOptions& o, std::string_view v) { return choose(kConfine, v, o.confine); }},
    {{"log_level", "LEVEL", "trace, debug, info, warning, error, off (info)"},
     [](MountOptions& o, std::string_view v) { bool known = false; o.log_level = v; return choose(kLogLevels, v, known); }},
    {{"fsname", "NAME", "the same as SOURCE: what df shows (scratchfs)"},
     [](MountOptions& o, std::string_view v) { o.source = v; return Complaint(); }},
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
    {"remount", "there is nothing mounted yet; scratchfs set changes a mount"},
    {"bind", "is for mount(8) on an existing mount, not for scratchfs"},
    {"allow_root", "not supported; use allow_other, or mount as root"},
    {"auto_unmount", "not needed: a mount whose daemon dies is always detached; leave it out"},
});

template <typename List>
bool contains(const List& list, std::string_view word) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

std::optional<Refusal> apply_known(MountOptions& options, const Option& option,
                                   std::string_view word, std::size_t equals) {
  const std::string name(option.help.name);
  const bool has_value = equals != std::string_view::npos;
  if (option.help.value.empty() && has_value) return usage("-o " + name + ": takes no value");
  if (!option.help.value.empty() && !has_value) {
    return usage("-o " + name + ": needs a value: " + name + "=" + std::string(option.help.value));
  }
  const Complaint complaint =
      option.apply(options, has_value ? word.substr(equals + 1) : std::string_view());
  if (complaint.empty()) return std::nullopt;
  return usage("-o " + std::string(word) + ": " + complaint);
}

std::optional<Refusal> apply_word(MountOptions& options, std::string_view word) {
  if (word.empty()) return std::nullopt;
  const std::size_t equals = word.find('=');
  const std::string_view name = word.substr(0, equals);
  for (const Option& option : kOptions) {
    if (option.help.name == name) return apply_known(options, option, word, equals);
  }
  for (const auto& [refused, why] : kRefused) {
    if (refused == word) return usage("-o " + std::string(word) + ": " + std::string(why));
  }
  if (is_kernel_flag(word)) {
    apply_kernel_flag(word, options.kernel_flags);
  } else if (!is_ignored_option(word)) {
    return usage("-o " + std::string(word) +
                 ": unknown option; scratchfs mount --help lists those there are");
  }
  return std::nullopt;
}

bool is_one_line(std::string_view text) {
  return std::none_of(text.begin(), text.end(),
                      [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; });
}

}  // namespace

bool is_ignored_option(std::string_view word) {
  return contains(kIgnored, word) ||
         std::any_of(kIgnoredPrefixes.begin(), kIgnoredPrefixes.end(),
                     [&](std::string_view prefix) { return word.starts_with(prefix); });
}

std::vector<std::string> split_options(std::string_view list) {
  std::vector<std::string> words(1);
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (list[i] == ',') {
      words.emplace_back();
      continue;
    }
    if (list[i] == '\\' && i + 1 < list.size()) ++i;
    words.back() += list[i];
  }
  return words;
}

std::string escape_option(std::string_view word) {
  std::string text;
  for (const char c : word) {
    if (c == ',' || c == '\\') text += '\\';
    text += c;
  }
  return text;
}

Outcome<MountOptions> parse_mount_options(const std::vector<std::string>& lists) {
  MountOptions options;
  for (const std::string& list : lists) {
    if (!is_one_line(list)) return usage("-o: control characters are not allowed in options");
    for (const std::string& word : split_options(list)) {
      if (auto refusal = apply_word(options, word)) return *refusal;
    }
  }
  return options;
}

std::vector<OptionHelp> mount_option_help() {
  std::vector<OptionHelp> help;
  for (const Option& option : kOptions) help.push_back(option.help);
  return help;
}

std::string_view name_of(lifetime::LifetimeMode mode) { return word_for(kLifetimes, mode); }
std::string_view name_of(tree::CreateMode mode) { return word_for(kCreateModes, mode); }
std::string_view name_of(lifetime::ClaimKind kind) { return word_for(kClaims, kind); }

base::Result<std::uint64_t, base::Failure> parse_byte_limit(std::string_view text,
                                                            std::uint64_t whole) {
  if (text == kNoLimit) return quota::kUnlimited;
  const auto size = quota::parse_size(text, whole);
  if (const auto* error = std::get_if<quota::SizeError>(&size)) {
    return base::Failure{quota::explain(*error)};
  }
  const std::uint64_t bytes = *std::get_if<std::uint64_t>(&size);
  if (bytes == 0) return base::Failure{"would let nobody write; say none for no limit"};
  return bytes;
}

base::Result<std::uint64_t, base::Failure> parse_inode_limit(std::string_view text) {
  if (text == kNoLimit) return quota::kUnlimited;
  std::uint64_t number = 0;
  const char* end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc{} || stopped != end || text.empty()) {
    return base::Failure{"must be a whole number, or none"};
  }
  if (number == 0) return base::Failure{"would let nobody create a file; say none for no limit"};
  return number;
}

}  // namespace scratchfs::mount

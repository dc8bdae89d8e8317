#include "mount/control/live_options.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <memory>
#include <utility>

namespace scratchfs::mount {

namespace {

constexpr auto kLive = std::to_array<std::string_view>(
    {"memory", "spill", "quota", "quota_inodes", "user_quota", "log_level"});
// Options that mount(8) reads from /proc/self/mountinfo and passes on.
constexpr auto kOfTheKernel = std::to_array<std::string_view>(
    {"remount", "seclabel", "user_id", "group_id", "max_read", "blksize", "rootmode", "fd"});
// Options that matter only at the moment of mounting, or are just a name.
constexpr auto kOfMounting = std::to_array<std::string_view>({"nonempty", "fsname"});

template <typename List>
bool contains(const List& list, std::string_view word) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

std::string_view name_of_word(std::string_view word) { return word.substr(0, word.find('=')); }

std::string_view value_of_word(std::string_view word) {
  const std::size_t equals = word.find('=');
  return equals == std::string_view::npos ? std::string_view() : word.substr(equals + 1);
}

std::string real_path(const std::string& path) {
  const std::unique_ptr<char, decltype(&std::free)> resolved(::realpath(path.c_str(), nullptr),
                                                             &std::free);
  return resolved ? resolved.get() : path;
}

// Builds the request for the daemon. `options` is parsed from the words in `said`, so of words that
// set the same option the last one counts.
SetRequest request_of(const MountOptions& options, const std::vector<std::string>& said) {
  const auto is_said = [&](std::string_view name) {
    return std::any_of(said.begin(), said.end(),
                       [&](const std::string& word) { return name_of_word(word) == name; });
  };
  SetRequest request;
  if (is_said("memory")) request.memory = options.memory;
  if (is_said("spill")) request.spill = options.spill;
  if (is_said("quota")) request.quota = options.quota;
  if (is_said("log_level")) request.log_level = options.log_level;
  if (is_said("quota_inodes")) request.quota_inodes = options.quota_inodes;
  request.user_quotas = options.user_quotas;
  return request;
}

bool is_so(std::string_view word, const Status& status) {
  const std::string_view name = name_of_word(word);
  const std::string value(value_of_word(word));
  if (name == "lifetime") return status.lifetime == value;
  if (name == "claim") return status.claim == value;
  if (name == "create_mode") return status.create_mode == value;
  if (name == "confine") return status.confine == value;
  if (name == "spill_dir") return status.spill.directory == real_path(value);
  if (name == "inodes") {
    const auto limit = parse_inode_limit(value);
    return limit && status.files.inodes_limit == *limit;
  }
  if (name == "io_uring") return value == "auto" || status.transport.io_uring == (value == "on");
  if (name == "allow_other" || name == "noallow_other")
    return status.shared == (name == "allow_other");
  if (name == "quota_file") return status.quota_file == real_path(value);
  if (name == "subuid")
    return value == kNoLimit ? !status.subuid : status.subuid == real_path(value);
  if (name == "quota_warn") {
    if (!status.quota_warn_percent) return value == kNoLimit;
    const std::string percent = std::to_string(*status.quota_warn_percent);
    return value == percent || value == percent + "%";
  }
  if (name == "supervise") return status.supervised;
  if (name == "private_names") return status.private_names;
  if (name == "lock_memory") return status.memory.locked;
  if (name == "spill_timeout") return value == std::to_string(status.spill.timeout_seconds);
  return false;
}

Refusal not_live(std::string_view word) {
  return usage(fmt::format("-o {}: cannot be changed while mounted; what can be: {}", word,
                           fmt::join(kLive, ", ")));
}

}  // namespace

bool is_live_option(std::string_view name) { return contains(kLive, name); }

bool asks_for_remount(const std::vector<std::string>& lists) {
  return std::any_of(lists.begin(), lists.end(), [](const std::string& list) {
    return contains(split_options(list), "remount");
  });
}

Outcome<LiveOptions> parse_live_options(const std::vector<std::string>& lists) {
  LiveOptions live;
  std::vector<std::string> said;
  for (const std::string& list : lists) {
    for (std::string& word : split_options(list)) {
      if (word.empty()) continue;
      auto& where = contains(kOfTheKernel, name_of_word(word)) ? live.passed_over : said;
      where.push_back(std::move(word));
    }
  }
  std::vector<std::string> checked;
  for (const std::string& word : said) checked.push_back(escape_option(word));
  const auto options = parse_mount_options(checked);
  if (!options) return options.error();
  live.request = request_of(*options, said);
  for (std::string& word : said) {
    const std::string_view name = name_of_word(word);
    if (is_live_option(name)) continue;
    const bool is_passed_over = is_ignored_option(word) || contains(kOfMounting, name);
    auto& where = is_kernel_flag(word) ? live.flags
                  : is_passed_over     ? live.passed_over
                                       : live.others;
    where.push_back(std::move(word));
  }
  return live;
}

Outcome<void> check_all_live(const LiveOptions& options) {
  for (const auto* words : {&options.others, &options.passed_over}) {
    if (!words->empty()) return not_live(words->front());
  }
  return {};
}

Outcome<void> check_unchanged(const std::vector<std::string>& others, const Status& status) {
  for (const std::string& word : others) {
    if (!is_so(word, status)) return not_live(word);
  }
  return {};
}

}  // namespace scratchfs::mount

#include "mount/control/live_options.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <utility>

#include "fs/mounts/mount_point.h"

namespace scratchfs::mount {

namespace {

// Options that mount(8) reads from /proc/self/mountinfo and passes on.
constexpr auto kOfTheKernel = std::to_array<std::string_view>(
    {"remount", "seclabel", "user_id", "group_id", "max_read", "blksize", "rootmode", "fd"});

std::string_view name_of_word(std::string_view word) { return word.substr(0, word.find('=')); }

std::string_view value_of_word(std::string_view word) {
  const std::size_t equals = word.find('=');
  return equals == std::string_view::npos ? std::string_view() : word.substr(equals + 1);
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

// Whether the mount has the option already. REQUIRES: the word has been parsed.
bool is_so(std::string_view word, const nlohmann::json& status) {
  const MountOption& option = *find_mount_option(name_of_word(word));
  const nlohmann::json::json_pointer at{std::string(option.status)};
  if (!status.contains(at)) return false;
  const nlohmann::json& now = status.at(at);
  const std::string value(value_of_word(word));
  if (option.argument.empty()) return now == !option.name.starts_with("no");
  if (now.is_boolean()) return value == "auto" || now == (value == "on");
  if (now.is_null()) return value == kNoLimit;
  if (now.is_string()) {
    const auto path = mounts::real_path(value);
    return now == value || (path && now == *path);
  }
  return value == now.dump() || value == now.dump() + "%";
}

Refusal not_live(std::string_view word) {
  std::string live;
  for (const MountOption& option : mount_options()) {
    if (option.live) live += (live.empty() ? "" : ", ") + std::string(option.name);
  }
  return usage(
      fmt::format("-o {}: cannot be changed while mounted; options that can: {}", word, live));
}

}  // namespace

bool asks_for_remount(const std::vector<std::string>& lists) {
  const std::vector<std::string> words = split_options(lists);
  return std::ranges::find(words, "remount") != words.end();
}

Outcome<LiveOptions> parse_live_options(const std::vector<std::string>& lists) {
  LiveOptions live;
  std::vector<std::string> said;
  for (std::string& word : split_options(lists)) {
    const bool is_kernels =
        std::ranges::find(kOfTheKernel, name_of_word(word)) != kOfTheKernel.end();
    (is_kernels ? live.passed_over : said).push_back(std::move(word));
  }
  const auto options = parse_option_words(said);
  if (!options) return options.error();
  live.request = request_of(*options, said);
  for (std::string& word : said) {
    const MountOption* option = find_mount_option(name_of_word(word));
    if (option != nullptr && option->live) continue;
    // What the status does not have matters only at the moment of mounting, or is just a name.
    auto& where = is_kernel_flag(word)                          ? live.flags
                  : option == nullptr || option->status.empty() ? live.passed_over
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
  const nlohmann::json now = nlohmann::json::parse(write_reply(status)).at(Status::kName);
  for (const std::string& word : others) {
    if (!is_so(word, now)) return not_live(word);
  }
  return {};
}

}  // namespace scratchfs::mount

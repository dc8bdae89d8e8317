#include "mount/options/quota_file.h"

#include <sstream>
#include <vector>

#include "mount/options/mount_options.h"
#include "mount/process/text_file.h"
#include "mount/process/user_names.h"

namespace scratchfs::mount {

namespace {

using base::Failure;

constexpr const char* kEveryone = "*";

// Makes the stream throw bad_alloc. By default it would swallow the exception and end early, and
// the limits in the rest of the file would be lost.
void throw_what_fails(std::istream& stream) { stream.exceptions(std::ios::badbit); }

std::vector<std::string> words_of(const std::string& line) {
  std::istringstream stream(line.substr(0, line.find('#')));
  throw_what_fails(stream);
  std::vector<std::string> words;
  for (std::string word; stream >> word;) words.push_back(word);
  return words;
}

base::Result<quota::Limits, Failure> limits_of(const std::vector<std::string>& words,
                                               std::uint64_t whole) {
  quota::Limits limits;
  const auto bytes = parse_byte_limit(words[1], whole);
  if (!bytes) return Failure{words[1] + ": " + bytes.error().message};
  limits.bytes = *bytes;
  if (words.size() < 3) return limits;
  const auto inodes = parse_inode_limit(words[2]);
  if (!inodes) return Failure{words[2] + ": " + inodes.error().message};
  limits.inodes = *inodes;
  return limits;
}

// Adds the limits in one line to `quotas`; the failure says what is wrong with the line.
base::Result<void, Failure> add_line(const std::string& line, std::uint64_t whole,
                                     QuotaFile& quotas) {
  const auto words = words_of(line);
  if (words.empty()) return {};
  if (words.size() == 1 || words.size() > 3) {
    return Failure{"must be USER SIZE [INODES], or none for no limit"};
  }
  const auto limits = limits_of(words, whole);
  if (!limits) return limits.error();
  if (words[0] == kEveryone) {
    if (quotas.everyone) return Failure{"a second line of everyone; leave one"};
    quotas.everyone = *limits;
    return {};
  }
  const auto uid = find_user(words[0]);
  if (!uid) return Failure{"there is no user " + words[0]};
  if (!quotas.users.emplace(*uid, *limits).second) {
    return Failure{"a second line of the user " + words[0] + "; leave one"};
  }
  return {};
}

}  // namespace

base::Result<QuotaFile, Failure> parse_quota_file(std::string_view text, const std::string& path,
                                                  std::uint64_t whole) {
  QuotaFile quotas;
  std::istringstream stream{std::string(text)};
  throw_what_fails(stream);
  std::size_t number = 0;
  for (std::string line; std::getline(stream, line);) {
    ++number;
    if (const auto added = add_line(line, whole, quotas); !added) {
      return Failure{path + ":" + std::to_string(number) + ": " + added.error().message};
    }
  }
  return quotas;
}

base::Result<QuotaFile, Failure> read_quota_file(const std::string& path, std::uint64_t whole) {
  const auto text = read_text_file(path);
  if (!text) return text.error();
  return parse_quota_file(*text, path, whole);
}

quota::Ledger::Options with_quotas(quota::Ledger::Options options, const QuotaFile& quotas) {
  options.everyone = quotas.everyone.value_or(options.everyone);
  for (const auto& [uid, limits] : quotas.users) options.overrides[uid] = limits;
  return options;
}

}  // namespace scratchfs::mount

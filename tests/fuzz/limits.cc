// Sizes and limits as users type them, and the files that have them: a quota file, /etc/subuid.
#include <algorithm>
#include <cstdint>
#include <string>

#include "fs/quota/size.h"
#include "fs/quota/subuid_map.h"
#include "mount/options/mount_options.h"
#include "mount/options/quota_file.h"
#include "mount/options/subordinate_ids.h"
#include "mount/process/user_names.h"
#include "tests/fuzz/bytes.h"

namespace scratchfs::fuzz {
namespace {

void read_size(const std::string& text, std::uint64_t whole) {
  const auto read = quota::parse_size(text, whole);
  if (const auto* refused = std::get_if<quota::SizeError>(&read)) {
    must(quota::explain(*refused) != nullptr);
    return;
  }
  const std::uint64_t amount = std::get<std::uint64_t>(read);
  must(!text.ends_with('%') || amount <= whole);
  // What is shown can be typed again. The largest amounts are rounded up to more than there are
  // bytes.
  const auto again = quota::parse_size(quota::format_size(amount));
  must(std::holds_alternative<std::uint64_t>(again) || amount > UINT64_MAX / 20 * 19);
}

void read_limits(const std::string& text, std::uint64_t whole) {
  const auto limit = mount::parse_byte_limit(text, whole);
  must(limit || !limit.error().message.empty());
  const auto inodes = mount::parse_inode_limit(text);
  must(!inodes || *inodes > 0);
}

void read_quota_file(const std::string& text, std::uint64_t whole) {
  const auto quotas = mount::parse_quota_file(text, "quotas", whole);
  if (!quotas) {
    must(quotas.error().message.starts_with("quotas:"));
    return;
  }
  const auto options = mount::with_quotas({}, *quotas);
  must(options.overrides.size() == quotas->users.size());
}

void read_subordinate_ids(const std::string& text) {
  const auto ids = mount::parse_subordinate_ids(text, mount::find_user);
  if (ids.bad_line > 0) must(mount::describe_bad_line(ids, "subuid").starts_with("subuid:"));
  const quota::Holders holders(ids.ranges);
  must(holders.holder_of(0) == 0);
  for (const quota::HeldIds& range : ids.ranges) {
    const uid_t holder = holders.holder_of(range.first);
    const auto is_its = [&](const quota::HeldIds& other) { return other.holder == holder; };
    must(holder == range.first || std::ranges::any_of(ids.ranges, is_its));
  }
}

}  // namespace
}  // namespace scratchfs::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace scratchfs::fuzz;
  Bytes bytes(data, size);
  const auto whole = bytes.take<std::uint64_t>();
  const std::string text = bytes.all();
  read_size(text, whole);
  read_limits(text, whole);
  read_quota_file(text, whole);
  read_subordinate_ids(text);
  return 0;
}

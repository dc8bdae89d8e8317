#include "fs/quota/subuid_map.h"

#include <algorithm>
#include <iterator>

namespace scratchfs::quota {

namespace {

constexpr std::uint64_t kNoUser = static_cast<uid_t>(-1);

}  // namespace

Holders::Holders(const std::vector<HeldIds>& ranges) {
  for (const HeldIds& ids : ranges) add(ids);
}

// Adds the parts of `ids` that nobody holds yet.
void Holders::add(const HeldIds& ids) {
  const std::uint64_t end = std::min(std::uint64_t{ids.first} + ids.count, kNoUser);
  for (std::uint64_t at = std::max<std::uint64_t>(ids.first, 1); at < end;) {
    const auto next = ranges_.upper_bound(at);
    if (next != ranges_.begin() && std::prev(next)->second.end > at) {
      at = std::prev(next)->second.end;
      continue;
    }
    const std::uint64_t stop = next == ranges_.end() ? end : std::min(end, next->first);
    ranges_.emplace_hint(next, at, Range{stop, ids.holder});
    at = stop;
  }
}

uid_t Holders::holder_of(uid_t uid) const {
  const auto next = ranges_.upper_bound(uid);
  if (next == ranges_.begin()) return uid;
  const Range& range = std::prev(next)->second;
  return uid < range.end ? range.holder : uid;
}

}  // namespace scratchfs::quota

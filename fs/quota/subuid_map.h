// Maps subordinate uids (subuid(5)), which are the users of containers, to the user who holds them.
#pragma once

#include <sys/types.h>
#include <cstdint>
#include <map>
#include <vector>

namespace scratchfs::quota {

struct HeldIds {
  uid_t first = 0;
  std::uint32_t count = 0;
  uid_t holder = 0;
  friend bool operator==(const HeldIds&, const HeldIds&) = default;
};

class Holders {
 public:
  Holders() = default;
  // If ranges overlap, the first one counts. Uid 0 is never held.
  explicit Holders(const std::vector<HeldIds>& ranges);

  // Returns the holder of `uid`, or `uid` itself if nobody holds it. Does not resolve repeatedly: a
  // holder's own uid may be in another user's range.
  uid_t holder_of(uid_t uid) const;

 private:
  struct Range {
    std::uint64_t end;  // the first id after the range
    uid_t holder;
  };
  void add(const HeldIds& ids);

  std::map<std::uint64_t, Range> ranges_;  // by their first ids; they do not overlap
};

}  // namespace scratchfs::quota

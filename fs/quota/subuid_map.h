// Who holds which subordinate ids (subuid(5)): the users of a container, who are one user outside.
#pragma once

#include <sys/types.h>
#include <cstdint>
#include <map>
#include <vector>

namespace scratchfs::limits {

struct HeldIds {
  uid_t first = 0;
  std::uint32_t count = 0;
  uid_t holder = 0;
  friend bool operator==(const HeldIds&, const HeldIds&) = default;
};

class Holders {
 public:
  Holders() = default;
  // Of ranges that overlap the first counts. Root's own number is nobody's.
  explicit Holders(const std::vector<HeldIds>& ranges);

  // `uid` itself where nobody holds it. Once: a holder's own number may lie in another's range.
  uid_t holder_of(uid_t uid) const;

 private:
  struct Range {
    std::uint64_t end;  // the first id that is not in it
    uid_t holder;
  };
  void add(const HeldIds& ids);

  std::map<std::uint64_t, Range> ranges_;  // by their first ids; none overlap
};

}  // namespace scratchfs::limits

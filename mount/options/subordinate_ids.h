// Who holds which subordinate ids, as /etc/subuid has it (subuid(5)).
#pragma once

#include <sys/types.h>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fs/base/result.h"
#include "fs/quota/subuid_map.h"

namespace scratchfs::mount {

struct SubordinateIds {
  std::vector<limits::HeldIds> ranges;
  std::size_t bad_line = 0;  // the first that is none of the file's kind; 0: there is none
};

using FindUser = std::function<std::optional<uid_t>(std::string_view)>;

// Lines USER:FIRST:COUNT, USER a name or a number. Others, and those of users that there are not
// (any more), are passed over, as shadow's own tools do.
SubordinateIds parse_subordinate_ids(std::string_view text, const FindUser& find_user);

// `PATH:LINE: is no USER:FIRST:COUNT`, of the bad line.
std::string describe_bad_line(const SubordinateIds& ids, const std::string& path);

// Nothing in it where there is no such file. The failure says which file, and why.
base::Result<SubordinateIds, base::Failure> read_subordinate_ids(const std::string& path);

}  // namespace scratchfs::mount

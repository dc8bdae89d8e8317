// Reads /etc/subuid (subuid(5)): the ranges of subordinate ids and the users who hold them.
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
  std::vector<quota::HeldIds> ranges;
  std::size_t bad_line = 0;  // number of the first malformed line; 0: none
};

using FindUser = std::function<std::optional<uid_t>(std::string_view)>;

// Parses lines of the form USER:FIRST:COUNT, where USER is a name or a uid. Skips malformed lines
// and lines of unknown users, as the tools of shadow do.
SubordinateIds parse_subordinate_ids(std::string_view text, const FindUser& find_user);

// The message about the malformed line: `PATH:LINE: is not USER:FIRST:COUNT`.
std::string describe_bad_line(const SubordinateIds& ids, const std::string& path);

// Reads and parses the file; a missing file has no ranges. The failure is `PATH: why`.
base::Result<SubordinateIds, base::Failure> read_subordinate_ids(const std::string& path);

}  // namespace scratchfs::mount

#include "mount/options/subordinate_ids.h"

#include <unistd.h>

#include <cerrno>
#include <cstdint>

#include "fs/base/number.h"
#include "mount/process/text_file.h"
#include "mount/process/user_names.h"

namespace scratchfs::mount {

namespace {

// Removes the part before `delimiter`, and the delimiter, from `text` and returns that part; takes
// all of `text` if there is no delimiter.
std::string_view next(std::string_view& text, char delimiter) {
  const std::size_t end = text.find(delimiter);
  const std::string_view part = text.substr(0, end);
  text.remove_prefix(end == text.npos ? text.size() : end + 1);
  return part;
}

}  // namespace

SubordinateIds parse_subordinate_ids(std::string_view text, const FindUser& find_user) {
  SubordinateIds ids;
  for (std::size_t line_number = 1; !text.empty(); ++line_number) {
    std::string_view line = next(text, '\n');
    if (line.empty() || line.front() == '#') continue;
    const std::string_view user = next(line, ':');
    const auto first = base::parse_number<std::uint32_t>(next(line, ':'));
    const auto count = base::parse_number<std::uint32_t>(line);
    if (user.empty() || !first || !count) {
      if (ids.bad_line == 0) ids.bad_line = line_number;
      continue;
    }
    if (const auto holder = find_user(user)) ids.ranges.push_back({*first, *count, *holder});
  }
  return ids;
}

std::string describe_bad_line(const SubordinateIds& ids, const std::string& path) {
  return path + ":" + std::to_string(ids.bad_line) + ": is not USER:FIRST:COUNT";
}

base::Result<SubordinateIds, base::Failure> read_subordinate_ids(const std::string& path) {
  if (::access(path.c_str(), F_OK) != 0 && errno == ENOENT) return SubordinateIds{};
  const auto text = read_text_file(path);
  if (!text) return text.error();
  return parse_subordinate_ids(*text, find_user);
}

}  // namespace scratchfs::mount

#include "fs/mounts/mount_info.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <iterator>
#include <limits>
#include <new>
#include <utility>

#include "fs/base/descriptor.h"
#include "fs/base/read_all.h"

namespace scratchfs::base {

namespace {

bool is_octal(char c) { return c >= '0' && c <= '7'; }

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(separator), text.size());
    parts.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return parts;
}

// 36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue
bool parse_line(std::string_view text, MountLine& line) {
  const auto fields = split(text, ' ');
  const auto dash = std::find(fields.begin(), fields.end(), "-");
  if (fields.size() < 7 || std::distance(dash, fields.end()) < 3) return false;
  const auto [end, error] =
      std::from_chars(fields[0].data(), fields[0].data() + fields[0].size(), line.id);
  if (error != std::errc{}) return false;
  line.device = fields[2];
  line.root = unescape(fields[3]);
  line.path = unescape(fields[4]);
  line.type = unescape(dash[1]);
  line.source = unescape(dash[2]);
  if (std::distance(dash, fields.end()) > 3) line.options = dash[3];
  return true;
}

}  // namespace

std::string read_mount_info(const char* path) {
  const Descriptor file(::open(path, O_RDONLY | O_CLOEXEC));
  auto text = file.valid() ? read_all(file, std::numeric_limits<std::size_t>::max())
                           : Result<std::string>(Errno(errno));
  if (text) return *std::move(text);
  if (text.is(Errno(ENOMEM))) throw std::bad_alloc();
  return {};
}

std::vector<MountLine> parse_mount_info(std::string_view text) {
  std::vector<MountLine> lines;
  for (const std::string_view one : split(text, '\n')) {
    MountLine line;
    if (parse_line(one, line)) lines.push_back(std::move(line));
  }
  return lines;
}

std::string unescape(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool escaped = text[i] == '\\' && i + 3 < text.size() && is_octal(text[i + 1]) &&
                         is_octal(text[i + 2]) && is_octal(text[i + 3]);
    if (!escaped) {
      plain += text[i];
      continue;
    }
    plain +=
        static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + text[i + 3] - '0');
    i += 3;
  }
  return plain;
}

}  // namespace scratchfs::base

#include "fs/mounts/mount.h"

#include <fcntl.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <iterator>
#include <limits>
#include <new>
#include <utility>

#include "fs/base/descriptor.h"
#include "fs/base/read_all.h"

namespace scratchfs::mounts {

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
bool parse_line(std::string_view text, Mount& mount) {
  const auto fields = split(text, ' ');
  const auto dash = std::find(fields.begin(), fields.end(), "-");
  if (fields.size() < 7 || std::distance(dash, fields.end()) < 3) return false;
  const auto [end, error] =
      std::from_chars(fields[0].data(), fields[0].data() + fields[0].size(), mount.id.number);
  if (error != std::errc{}) return false;
  mount.device = fields[2];
  mount.root = unescape(fields[3]);
  mount.path = unescape(fields[4]);
  mount.type = unescape(dash[1]);
  mount.source = unescape(dash[2]);
  if (std::distance(dash, fields.end()) > 3) mount.options = dash[3];
  return true;
}

std::string read_text(const std::string& path) {
  const base::Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  auto text = file.valid() ? base::read_all(file, std::numeric_limits<std::size_t>::max())
                           : base::Result<std::string>(base::Errno(errno));
  if (text) return *std::move(text);
  if (text.is(base::Errno(ENOMEM))) throw std::bad_alloc();
  return {};
}

}  // namespace

bool Mount::can_be(const Mount& other) const {
  return id.can_be(other.id) && device == other.device && type == other.type &&
         source == other.source;
}

std::optional<uid_t> Mount::owner() const {
  constexpr std::string_view kName = ",user_id=";
  std::string_view text = options;
  const std::size_t at = text.find(kName);
  if (at == text.npos) return std::nullopt;
  text.remove_prefix(at + kName.size());
  uid_t uid = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), uid);
  return error == std::errc{} ? std::optional(uid) : std::nullopt;
}

MountTable parse_mount_table(std::string_view mountinfo) {
  MountTable table;
  for (const std::string_view line : split(mountinfo, '\n')) {
    Mount mount;
    if (parse_line(line, mount)) table.push_back(std::move(mount));
  }
  return table;
}

MountTable read_mount_table(const std::string& path) { return parse_mount_table(read_text(path)); }

std::optional<dev_t> parse_device(std::string_view text) {
  unsigned major = 0;
  unsigned minor = 0;
  const char* end = text.data() + text.size();
  const auto [colon, error] = std::from_chars(text.data(), end, major);
  if (error != std::errc{} || colon == end || *colon != ':') return std::nullopt;
  const auto [rest, minor_error] = std::from_chars(colon + 1, end, minor);
  if (minor_error != std::errc{} || rest != end) return std::nullopt;
  return gnu_dev_makedev(major, minor);
}

const Mount* topmost_at(const MountTable& table, std::string_view path) {
  const auto found = std::find_if(table.rbegin(), table.rend(),
                                  [&](const Mount& mount) { return mount.path == path; });
  return found == table.rend() ? nullptr : &*found;
}

const Mount* find(const MountTable& table, const Mount& mount) {
  const auto found =
      std::ranges::find_if(table, [&](const Mount& entry) { return entry.can_be(mount); });
  return found == table.end() ? nullptr : &*found;
}

const Mount* find_visible(const MountTable& table, const Mount& mount) {
  const Mount* entry = find(table, mount);
  return entry != nullptr && topmost_at(table, entry->path) == entry ? entry : nullptr;
}

const Mount* newest_at(const MountTable& table, const MountTable& before, std::string_view path) {
  const auto found = std::find_if(table.rbegin(), table.rend(), [&](const Mount& mount) {
    // Whole lines, with the path: another mount may have left its numbers to this one.
    return mount.path == path && std::ranges::find(before, mount) == before.end();
  });
  return found == table.rend() ? nullptr : &*found;
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

}  // namespace scratchfs::mounts

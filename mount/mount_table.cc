#include "mount/mount_table.h"

#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <climits>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <memory>

namespace scratchfs::mount {

namespace {

constexpr int kMaxLinks = 40;  // as the kernel follows

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

// `rw,user_id=1000,...`
std::optional<uid_t> owner_of(std::string_view options) {
  constexpr std::string_view kName = "user_id=";
  for (std::string_view option : split(options, ',')) {
    if (!option.starts_with(kName)) continue;
    option.remove_prefix(kName.size());
    uid_t uid = 0;
    const auto [end, error] = std::from_chars(option.data(), option.data() + option.size(), uid);
    if (error == std::errc{}) return uid;
  }
  return std::nullopt;
}

// 36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue
bool parse_line(std::string_view line, MountEntry& entry) {
  const auto fields = split(line, ' ');
  const auto dash = std::find(fields.begin(), fields.end(), "-");
  if (fields.size() < 7 || std::distance(dash, fields.end()) < 3) return false;
  const auto [end, error] =
      std::from_chars(fields[0].data(), fields[0].data() + fields[0].size(), entry.id);
  if (error != std::errc{}) return false;
  entry.device = fields[2];
  entry.mountpoint = unescape(fields[4]);
  entry.type = unescape(dash[1]);
  entry.source = unescape(dash[2]);
  if (std::distance(dash, fields.end()) > 3) entry.owner = owner_of(dash[3]);
  return true;
}

base::Result<std::string> real_path(const std::string& path) {
  const std::unique_ptr<char, decltype(&std::free)> resolved(::realpath(path.c_str(), nullptr),
                                                             &std::free);
  if (!resolved) return base::Errno(errno);
  return std::string(resolved.get());
}

struct Split {
  std::string parent;
  std::string name;
};

Split split_last(std::string path) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return {".", path};
  return {slash == 0 ? "/" : path.substr(0, slash), path.substr(slash + 1)};
}

}  // namespace

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

MountTable parse_mount_table(std::string_view mountinfo) {
  MountTable table;
  for (const std::string_view line : split(mountinfo, '\n')) {
    MountEntry entry;
    if (parse_line(line, entry)) table.push_back(std::move(entry));
  }
  return table;
}

MountTable read_mount_table(const std::string& path) {
  std::ifstream file(path);
  const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  return parse_mount_table(text);
}

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

const MountEntry* topmost_at(const MountTable& table, std::string_view mountpoint) {
  const auto found = std::find_if(table.rbegin(), table.rend(), [&](const MountEntry& entry) {
    return entry.mountpoint == mountpoint;
  });
  return found == table.rend() ? nullptr : &*found;
}

base::Result<std::string> resolve_mountpoint(const std::string& path) {
  if (path.empty()) return base::Errno(ENOENT);
  std::string current = path;
  for (int links = 0; links < kMaxLinks; ++links) {
    const Split last = split_last(current);
    if (last.name.empty() || last.name == "." || last.name == "..") return real_path(current);
    auto parent = real_path(last.parent);
    if (!parent) return parent.error();
    const std::string whole = (*parent == "/" ? "" : *parent) + "/" + last.name;
    std::array<char, PATH_MAX> target{};
    const ssize_t length = ::readlink(whole.c_str(), target.data(), target.size());
    if (length <= 0) return whole;
    const std::string pointed(target.data(), static_cast<std::size_t>(length));
    current = pointed.front() == '/' ? pointed : *parent + "/" + pointed;
  }
  return base::Errno(ELOOP);
}

}  // namespace scratchfs::mount

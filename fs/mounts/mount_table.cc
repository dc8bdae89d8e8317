#include "fs/mounts/mount_table.h"

#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <climits>
#include <cstdlib>
#include <memory>
#include <utility>

#include "fs/mounts/mount_info.h"

namespace scratchfs::mount {

namespace {

constexpr int kMaxLinks = 40;  // as the kernel follows

// `rw,user_id=1000,...`
std::optional<uid_t> owner_of(std::string_view options) {
  constexpr std::string_view kName = ",user_id=";
  const std::size_t at = options.find(kName);
  if (at == options.npos) return std::nullopt;
  options.remove_prefix(at + kName.size());
  uid_t uid = 0;
  const auto [end, error] = std::from_chars(options.data(), options.data() + options.size(), uid);
  return error == std::errc{} ? std::optional(uid) : std::nullopt;
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

MountTable parse_mount_table(std::string_view mountinfo) {
  MountTable table;
  for (base::MountLine& line : base::parse_mount_info(mountinfo)) {
    table.push_back({.id = line.id,
                     .device = std::move(line.device),
                     .mountpoint = std::move(line.path),
                     .type = std::move(line.type),
                     .source = std::move(line.source),
                     .owner = owner_of(line.options)});
  }
  return table;
}

MountTable read_mount_table(const std::string& path) {
  return parse_mount_table(base::read_mount_info(path.c_str()));
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

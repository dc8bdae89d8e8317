#include "mount/process/user_names.h"

#include <pwd.h>

#include <vector>

#include "fs/base/number.h"

namespace scratchfs::mount {

namespace {

constexpr std::size_t kFirstBuffer = 1024;
constexpr std::size_t kLargestBuffer = 1 << 20;

// Calls getpwnam_r(3) or getpwuid_r(3) with larger and larger buffers until the entry fits.
template <typename Ask, typename Take>
auto look_up(Ask ask, Take take) -> std::optional<decltype(take(passwd{}))> {
  for (std::size_t size = kFirstBuffer; size <= kLargestBuffer; size *= 2) {
    std::vector<char> buffer(size);
    passwd entry{};
    passwd* found = nullptr;
    const int error = ask(&entry, buffer.data(), buffer.size(), &found);
    if (error == ERANGE) continue;
    if (error != 0 || found == nullptr) return std::nullopt;
    return take(entry);
  }
  return std::nullopt;
}

}  // namespace

std::optional<uid_t> find_user(std::string_view name_or_number) {
  const auto uid = base::parse_number<uid_t>(name_or_number);
  // System calls take (uid_t)-1 as "no user".
  if (uid && *uid != static_cast<uid_t>(-1)) return uid;
  const std::string name(name_or_number);
  return look_up(
      [&](passwd* entry, char* buffer, std::size_t size, passwd** found) {
        return getpwnam_r(name.c_str(), entry, buffer, size, found);
      },
      [](const passwd& entry) { return entry.pw_uid; });
}

std::optional<std::string> user_name(uid_t uid) {
  return look_up([&](passwd* entry, char* buffer, std::size_t size,
                     passwd** found) { return getpwuid_r(uid, entry, buffer, size, found); },
                 [](const passwd& entry) { return std::string(entry.pw_name); });
}

}  // namespace scratchfs::mount

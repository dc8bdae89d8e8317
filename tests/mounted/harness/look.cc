#include "tests/mounted/harness/look.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>

#include "tests/mounted/harness/fd.h"
#include "tests/mounted/harness/parity.h"

namespace scratchfs::harness {

bool exists(const std::string& path) {
  struct stat info {};
  return lstat(path.c_str(), &info) == 0;
}

std::string why_not(const std::string& path) {
  struct stat info {};
  return outcome(lstat(path.c_str(), &info));
}

std::string outcome(long result) { return result >= 0 ? "0" : errno_name(errno); }

std::vector<std::string> names_in(const std::string& directory) {
  std::vector<std::string> names;
  DIR* stream = opendir(directory.c_str());
  if (stream == nullptr) {
    ADD_FAILURE() << "opendir " << directory << ": " << errno_name(errno);
    return names;
  }
  while (const dirent* entry = readdir(stream)) {
    const std::string name = entry->d_name;
    if (name != "." && name != "..") {
      names.push_back(name);
    }
  }
  closedir(stream);
  std::sort(names.begin(), names.end());
  return names;
}

std::string bytes_of_file(const std::string& path) {
  const Fd file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  EXPECT_TRUE(file.valid()) << "open " << path << ": " << errno_name(errno);
  std::string data;
  std::string buffer(1 << 20, '\0');
  ssize_t got = 0;
  while (file.valid() && (got = read(file.get(), buffer.data(), buffer.size())) > 0) {
    data.append(buffer, 0, static_cast<std::size_t>(got));
  }
  EXPECT_EQ(got, 0) << "read " << path << ": " << errno_name(errno);
  return data;
}

mode_t mode_of(const std::string& path) {
  struct stat info {};
  EXPECT_EQ(lstat(path.c_str(), &info), 0) << path << ": " << errno_name(errno);
  return info.st_mode & 07777;
}

std::uint64_t free_bytes(const std::string& path) {
  struct statfs info {};
  EXPECT_EQ(statfs(path.c_str(), &info), 0) << path << ": " << errno_name(errno);
  return info.f_bavail * static_cast<std::uint64_t>(info.f_bsize);
}

nlohmann::json status_of(const Mount& mount) {
  const Finished finished = run({scratchfs_binary(), "status", mount.path(), "--json"});
  EXPECT_EQ(finished.code, 0) << finished.err;
  auto json = nlohmann::json::parse(finished.out, nullptr, false);
  EXPECT_FALSE(json.is_discarded()) << "status --json is not JSON: " << finished.out;
  return json;
}

Usage charged_to(const Mount& mount, uid_t uid) {
  const nlohmann::json status = status_of(mount);
  for (const auto& user : status["users"]) {
    if (user["uid"] == uid) {
      return {user["bytes"], user["inodes"]};
    }
  }
  return {};
}

Usage found_of(const Mount& mount, uid_t uid) {
  Usage usage;
  std::map<ino_t, bool> seen;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(mount.path())) {
    struct stat info {};
    EXPECT_EQ(lstat(entry.path().c_str(), &info), 0) << entry.path();
    if (info.st_uid != uid) {
      continue;
    }
    ++usage.inodes;  // every name counts
    if (!seen[info.st_ino]) {
      seen[info.st_ino] = true;
      usage.bytes += static_cast<std::uint64_t>(info.st_blocks) * 512;
    }
  }
  return usage;
}

}  // namespace scratchfs::harness

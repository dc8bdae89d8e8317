// The vocabulary of the tree: types of requests and replies.
#pragma once

#include <sys/types.h>
#include <cstdint>
#include <ctime>
#include <optional>
#include <string>

#include "fs/base/caller.h"

namespace scratchfs::tree {

using InodeId = std::uint64_t;
inline constexpr InodeId kRootId = 1;  // FUSE_ROOT_ID

inline constexpr std::size_t kMaxName = 255;       // bytes: NAME_MAX
inline constexpr std::size_t kMaxTarget = 4095;    // bytes of a symlink's target: PATH_MAX - 1
inline constexpr std::uint32_t kMaxLinks = 65000;  // names of one inode; EMLINK beyond

using base::Caller;

// Where the bytes of a read go, and those of a write come from: the caller's buffer, or the
// kernel's page cache, whose pages may be mapped.
enum class Via : std::uint8_t { call, page_cache };

// The attributes in stat(2) and statx(2).
struct Attributes {
  InodeId id = 0;
  mode_t mode = 0;
  std::uint32_t links = 0;
  uid_t uid = 0;
  gid_t gid = 0;
  dev_t device = 0;             // st_rdev
  std::uint64_t size = 0;       // bytes
  std::uint64_t allocated = 0;  // bytes; st_blocks * 512
  timespec accessed{};
  timespec modified{};
  timespec changed{};
  timespec born{};
};

// Which reads update access times: mount(8)'s noatime, relatime, strictatime and nodiratime.
// Aligned so that std::atomic needs no lock for it.
struct alignas(2) AccessTimes {
  enum class Kind : std::uint8_t {
    never,
    // Updates an access time that is not after the last change, or is a day old.
    relative,
    strict,
  };
  Kind kind = Kind::relative;
  bool directories = true;
};

// A setattr request: sets each value that is present (chmod(2), chown(2), truncate(2),
// utimensat(2)).
struct AttributeChange {
  std::optional<mode_t> mode;
  std::optional<uid_t> uid;
  std::optional<gid_t> gid;
  std::optional<std::uint64_t> size;
  std::optional<timespec> accessed;
  std::optional<timespec> modified;
  std::optional<timespec> changed;
  bool kill_suid_sgid = false;
};

}  // namespace scratchfs::tree

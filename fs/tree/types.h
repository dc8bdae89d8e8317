// The vocabulary of the tree: its options, and the types of requests and replies.
#pragma once

#include <sys/types.h>
#include <array>
#include <cstdint>
#include <ctime>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "fs/base/caller.h"
#include "fs/lifetime/deletion_reason.h"
#include "fs/lifetime/lifetime.h"
#include "fs/tree/create_mode.h"

namespace scratchfs::tree {

class Inode;
using InodeRef = std::shared_ptr<Inode>;
using InodeId = std::uint64_t;
inline constexpr InodeId kRootId = 1;  // FUSE_ROOT_ID
using HandleId = std::uint64_t;

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

// The result of a lookup or a creation. The kernel has one more reference to the inode, which
// forget() drops.
struct Found {
  InodeRef inode;
  Attributes attributes;
  // A close can delete the file: the kernel must look the name up each time.
  bool may_vanish = false;
};

struct Opened {
  HandleId handle = 0;
  // A close can delete the file, or must report an error: the kernel must send FLUSH.
  bool needs_flush = false;
  // The kernel must bypass its page cache.
  bool direct = false;
};

struct Created {
  Found found;
  Opened opened;
};

struct Listed {
  InodeId id;
  mode_t type;
  std::string_view name;
  // Passing it to list() continues after this entry.
  std::uint64_t cookie;
  const InodeRef& inode;
};
// Returns false if the entry does not fit; it is then shown by the next call.
using ListVisitor = std::function<bool(const Listed&)>;

enum class RenameMode : std::uint8_t { replace, no_replace, exchange };  // renameat2(2)

// What a caller can have and has left, by quotas and the store: statfs(2).
struct Space {
  std::uint64_t bytes, bytes_free, inodes, inodes_free;
};

struct TreeOptions {
  lifetime::LifetimeMode lifetime = lifetime::LifetimeMode::claimed;
  tree::CreateMode create_mode = tree::CreateMode::owner_only;
  // The owner and group of the root.
  uid_t owner = 0;
  gid_t group = 0;
  mode_t root_mode = 01777;  // 0700 if the mount is not shared
  std::uint64_t max_handles = ~std::uint64_t{0};
  AccessTimes access_times;
  // In the root a user sees only their own entries; root and `owner` see all.
  bool private_names = false;
};

struct TreeStats {
  std::uint64_t inodes = 0;          // charged to users
  std::uint64_t deleted_unheld = 0;  // objects deleted because nothing held them
  std::array<std::uint64_t, lifetime::kReasonNames.size()> deleted_for{};  // the same by Reason
};

}  // namespace scratchfs::tree

// The extended attributes of one inode, bounded in number and size (xattr(7)).
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "fs/base/result.h"

namespace scratchfs::tree {

inline constexpr std::size_t kMaxXattrName = 255;         // XATTR_NAME_MAX
inline constexpr std::size_t kMaxXattrValue = 64 * 1024;  // XATTR_SIZE_MAX
// Names and values of one inode together, each pair with kXattrOverhead.
inline constexpr std::size_t kMaxXattrBytes = 128 * 1024;
inline constexpr std::size_t kXattrOverhead = 128;  // what one takes in memory besides its bytes

// setxattr(2): 0, XATTR_CREATE, XATTR_REPLACE, and (never of use, but told apart by tmpfs) both.
enum class XattrSet : std::uint8_t { any, create, replace, create_and_replace };

// Not thread-safe: guarded by its inode's mutex. Says what a change costs, charges nothing by
// itself.
class Xattrs {
 public:
  // nullptr: there is none (ENODATA).
  const std::string* find(std::string_view name) const;
  // Whether the change is allowed: EEXIST, ENODATA by `how`; ERANGE (name), E2BIG (value), ENOSPC
  // (all together).
  base::Result<void> check_set(std::string_view name, std::string_view value, XattrSet how) const;
  // Bytes that are charged now, and would be after a set: as kMaxXattrBytes counts, in units of
  // 512.
  std::uint64_t charged() const;
  std::uint64_t charged_after(std::string_view name, std::string_view value) const;
  void set(std::string_view name, std::string_view value);
  bool remove(std::string_view name);
  void clear();
  // Every name with its NUL, as listxattr(2) answers.
  std::string list() const;

 private:
  std::size_t bytes_ = 0;
  std::map<std::string, std::string, std::less<>> values_;
};

}  // namespace scratchfs::tree

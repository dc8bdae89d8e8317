// Xattrs: the extended attributes of one inode, limited in number and size (xattr(7)).
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
// The limit for all names and values of one inode, with kXattrOverhead for each attribute.
inline constexpr std::size_t kMaxXattrBytes = 128 * 1024;
// Memory of one attribute besides its bytes.
inline constexpr std::size_t kXattrOverhead = 128;

inline constexpr std::uint64_t kChargeUnit = 512;  // bytes; the unit of st_blocks
// Rounds up to whole charge units.
constexpr std::uint64_t in_units(std::uint64_t bytes) {
  return (bytes + kChargeUnit - 1) / kChargeUnit * kChargeUnit;
}

// The flags of setxattr(2): 0, XATTR_CREATE, XATTR_REPLACE, or both. Both together always fail, but
// with different errors, as on tmpfs.
enum class XattrSet : std::uint8_t { any, create, replace, create_and_replace };

// Not thread-safe; guarded by its inode's mutex. Tells what a change costs, but charges nothing
// itself.
class Xattrs {
 public:
  // Returns nullptr if there is no such attribute (ENODATA).
  const std::string* find(std::string_view name) const;
  // The bytes that are charged: counted as in kMaxXattrBytes, in units of 512.
  std::uint64_t charged() const;
  // Returns what charged() will be after a set(). EEXIST or ENODATA by `how`; ERANGE (name), E2BIG
  // (value), ENOSPC (kMaxXattrBytes).
  base::Result<std::uint64_t> check_set(std::string_view name, std::string_view value,
                                        XattrSet how) const;
  void set(std::string_view name, std::string_view value);
  bool remove(std::string_view name);
  void clear();
  // Returns every name with its NUL, as listxattr(2) does.
  std::string list() const;

 private:
  std::size_t bytes_ = 0;
  std::map<std::string, std::string, std::less<>> values_;
};

}  // namespace scratchfs::tree

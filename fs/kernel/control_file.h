// The control file: a name in the root that is never listed, through which the mount is asked and
// told things. Whoever opens it writes a request and reads the answer on the same descriptor, from
// offset 0.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "fs/base/clock.h"
#include "fs/base/mutex.h"
#include "fs/base/result.h"
#include "fs/kernel/control.h"
#include "fs/tree/types.h"

namespace scratchfs::kernel {

inline constexpr std::string_view kControlName = ".scratchfs-control";
inline constexpr tree::InodeId kControlId =
    ~tree::InodeId{0} - 1;                                    // no inode of the tree gets that far
inline constexpr std::size_t kMaxControlRequest = 64 * 1024;  // bytes
inline constexpr std::size_t kMaxControlHandles = 1024;       // open at a time; ENFILE beyond

inline bool is_control(tree::InodeId parent, std::string_view name) {
  return parent == tree::kRootId && name == kControlName;
}

// Thread-safe; its mutex is a leaf.
class ControlFile {
 public:
  explicit ControlFile(ControlHandler handler) : handler_(std::move(handler)) {}

  tree::Attributes attributes(uid_t owner) const;
  base::Result<std::uint64_t> open();  // a handle; ENFILE
  void release(std::uint64_t handle);
  // One request, whole; the answer waits to be read. May wait. EMSGSIZE, EBADF.
  base::Result<std::size_t> write(std::uint64_t handle, std::string_view request, uid_t caller);
  // Bytes of the answer from `offset` on; fewer at its end.
  base::Result<std::string> read(std::uint64_t handle, std::size_t size,
                                 std::uint64_t offset) const;

 private:
  const ControlHandler handler_;
  const timespec born_ = base::now();
  mutable base::Mutex mutex_;
  std::uint64_t next_ GUARDED_BY(mutex_) = 1;
  std::map<std::uint64_t, std::string> answers_ GUARDED_BY(mutex_);
};

}  // namespace scratchfs::kernel

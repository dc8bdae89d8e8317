// The control file: a name in the root that is never listed, through which the mount is asked and
// told things. Whoever opens it writes a request and reads the answer on the same descriptor, from
// offset 0. Whoever opened it is who asks: a descriptor can be handed to a program with more rights
// that writes without knowing where to, and what the kernel writes back of a mapping is nobody's.
#pragma once

#include <sys/ioctl.h>

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "fs/base/clock.h"
#include "fs/base/mutex.h"
#include "fs/base/result.h"
#include "fs/kernel/handlers/control.h"
#include "fs/kernel/transport/control_inode.h"
#include "fs/tree/types.h"

namespace scratchfs::kernel {

inline constexpr std::string_view kControlName = ".scratchfs-control";
inline constexpr std::size_t kMaxControlRequest = 64 * 1024;  // bytes
// Open at a time, ENFILE beyond; root and who mounted may open any number, so that nobody keeps
// them out. The kernel tells of a close a while later, so one in a hurry has some at once.
inline constexpr std::size_t kMaxControlHandles = 64;            // of one user
inline constexpr std::size_t kMaxControlHandlesOfAll = 4 << 10;  // of all others together

// ioctl(2) with a request of that many bytes does what writing it does, also through a descriptor
// that is only open for reading.
inline constexpr std::size_t kMaxControlIoctl = (1U << _IOC_SIZEBITS) - 1;
constexpr unsigned control_command(std::size_t bytes) {
  return _IOC(_IOC_WRITE, 0x5C, 1, bytes & kMaxControlIoctl);
}

inline bool is_control(tree::InodeId parent, std::string_view name) {
  return parent == tree::kRootId && name == kControlName;
}

// Thread-safe; its mutex is a leaf.
class ControlFile {
 public:
  // `owner`: who mounted.
  explicit ControlFile(ControlHandler handler, uid_t owner = 0)
      : handler_(std::move(handler)), owner_(owner) {}

  tree::Attributes attributes(uid_t owner) const;
  base::Result<std::uint64_t> open(const tree::Caller& opener);  // a handle; ENFILE
  void release(std::uint64_t handle);
  // One request of the handle's opener, whole; the answer waits to be read. May wait. EMSGSIZE,
  // EBADF.
  base::Result<std::size_t> write(std::uint64_t handle, std::string_view request);
  // Bytes of the answer from `offset` on, fewer at its end. Who reads on from there has had it all,
  // and it is forgotten. EBADF.
  base::Result<std::string> read(std::uint64_t handle, std::size_t size, std::uint64_t offset);

 private:
  struct Handle {
    uid_t uid = 0;
    pid_t thread = 0;
    std::string answer;
  };
  bool has_room(uid_t uid) const REQUIRES(mutex_);
  bool is_limited(uid_t uid) const { return uid != 0 && uid != owner_; }

  const ControlHandler handler_;
  const uid_t owner_;
  const timespec born_ = base::now();
  mutable base::Mutex mutex_;
  std::uint64_t next_ GUARDED_BY(mutex_) = 1;
  std::map<std::uint64_t, Handle> handles_ GUARDED_BY(mutex_);
  std::map<uid_t, std::size_t> open_ GUARDED_BY(mutex_);  // handles of those who are limited
  std::size_t all_open_ GUARDED_BY(mutex_) = 0;           // the sum of that
};

}  // namespace scratchfs::kernel

// The control file: an unlisted name in the root that takes requests to the daemon.
//
// A client opens it, writes a request, and reads the answer from offset 0 of the same descriptor.
// Requests count as the opener's, because a descriptor can be handed to a more privileged program
// that writes without knowing where to. Writeback of a mapping is refused: it has no known writer.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "fs/base/clock.h"
#include "fs/base/mutex.h"
#include "fs/base/result.h"
#include "fs/kernel/handlers/control.h"
#include "fs/kernel/transport/control_inode.h"
#include "fs/tree/types.h"

namespace scratchfs::kernel {

// Limits on open handles; beyond them open(2) fails with ENFILE. Root and the user who mounted are
// exempt, so that nobody can lock them out. RELEASE arrives some time after close(2), so a client
// that reopens the file quickly holds several handles at once.
inline constexpr std::size_t kMaxControlHandles = 64;            // of one user
inline constexpr std::size_t kMaxControlHandlesOfAll = 4 << 10;  // of all limited users together

inline bool is_control(tree::InodeId parent, std::string_view name) {
  return parent == tree::kRootId && name == kControlName;
}

// Thread-safe; its mutex is a leaf.
class ControlFile {
 public:
  // `owner`: the user who mounted.
  explicit ControlFile(ControlHandler handler, uid_t owner = 0)
      : handler_(std::move(handler)), owner_(owner) {}

  tree::Attributes attributes(uid_t owner) const;
  // Returns a handle. Errors: ENFILE.
  base::Result<std::uint64_t> open(const tree::Caller& opener);
  void release(std::uint64_t handle);
  // Executes one whole request of the handle's opener and keeps the answer for read(). May block.
  // Errors: EMSGSIZE, EBADF.
  base::Result<std::size_t> write(std::uint64_t handle, std::string_view request);
  // Returns up to `size` bytes of the answer from `offset` on. A read at or beyond the end returns
  // nothing and frees the answer. Errors: EBADF.
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
  std::map<uid_t, std::size_t> open_ GUARDED_BY(mutex_);  // handles per limited user
  std::size_t all_open_ GUARDED_BY(mutex_) = 0;           // their sum
};

}  // namespace scratchfs::kernel

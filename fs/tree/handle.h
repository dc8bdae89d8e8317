// An open file description on the mount: from CREATE, OPEN or TMPFILE to RELEASE.
#pragma once

#include <atomic>
#include <cstdint>

#include "fs/tree/handle_budget.h"
#include "fs/tree/inode.h"

namespace scratchfs::tree {

struct Handle {
  const InodeRef inode;
  const int flags;    // open(2)'s
  const bool direct;  // its reads and writes bypass the kernel's page cache
  const bool silent;  // its close sends no FLUSH
  // The inode's flush_epoch at this handle's last FLUSH; 0 if it has been used since. Written under
  // the inode's mutex.
  std::atomic<std::uint32_t> flushed_in = 0;
  // Of the inode's losses, how many this handle has reported.
  std::atomic<std::uint32_t> losses_told;
  const HandleRight right;
};

}  // namespace scratchfs::tree

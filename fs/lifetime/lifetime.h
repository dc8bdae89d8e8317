// The lifetime rule as a pure function of an object's holders.
#pragma once

#include <cstdint>

namespace scratchfs::lifetime {

// What counts as a holder; docs/semantics.md explains the modes.
enum class LifetimeMode : std::uint8_t { strict, claimed, mount };

// What is true of one object at one moment. Collected under its inode's lock.
struct LifetimeFacts {
  // It is a regular file. The daemon has handles of nothing else.
  bool regular = false;
  std::uint32_t handles = 0;  // open file descriptions
  bool kept = false;          // it has a keep mark
  bool claimed = false;       // at least one of its names is claimed
  bool bound = false;         // it is a socket that a process may have bound
  // At least one of its names is in a directory, other than the root, that is held or kept.
  bool in_held_directory = false;
};

// Whether anything holds the object. In `strict` only a regular file can lack a holder.
bool is_held(LifetimeMode mode, const LifetimeFacts& facts);

// Whether closing the last handle would delete the object. While this is true, the kernel must look
// its name up each time (entry timeout 0) and must send FLUSH at each close.
bool close_can_delete(LifetimeMode mode, const LifetimeFacts& facts);

}  // namespace scratchfs::lifetime

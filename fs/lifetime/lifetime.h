// The rule of lifetime, as a pure function: facts in, verdict out.
#pragma once

#include <cstdint>

namespace scratchfs::limits {

// What counts as a holder; docs/semantics.md tells it in words.
enum class LifetimeMode : std::uint8_t { strict, claimed, mount };

// What is true of one object at one moment, under its inode's lock.
struct LifetimeFacts {
  bool regular = false;       // a regular file; everything else has no handles at the daemon
  std::uint32_t handles = 0;  // open file descriptions
  bool kept = false;          // a keep mark on it
  bool claimed = false;       // some name of it is claimed
  bool bound = false;         // a socket that a process may have bound
  // Some name of it lies in a directory (not the root) that is held or kept.
  bool in_held_directory = false;
};

// Whether anything holds the object. In `strict` only regular files ever lack a holder.
bool is_held(LifetimeMode mode, const LifetimeFacts& facts);

// Whether closing a handle can be what deletes the object (given that handles == 1 or more now):
// then the kernel must ask about its name every time (entry timeout 0) and must say FLUSH.
bool close_can_delete(LifetimeMode mode, const LifetimeFacts& facts);

}  // namespace scratchfs::limits

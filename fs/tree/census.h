// What a walk over all objects finds: how many there are, what holds them, and whose they are.
#pragma once

#include <sys/types.h>
#include <cstdint>
#include <map>
#include <optional>

namespace scratchfs::tree {

// Taken while things go on: each object counts as it was when the walk came by. One that was moved
// meanwhile may be missing or count twice.
struct Census {
  // Objects by kind of holder; one that has holders of two kinds counts for both.
  struct Held {
    std::uint64_t handles = 0;      // open, or mapped
    std::uint64_t claims = 0;       // some name of it is claimed
    std::uint64_t directories = 0;  // lies in a held directory
    std::uint64_t marks = 0;        // keep marks
    std::uint64_t sockets = 0;      // a process may have it bound
    std::uint64_t mount = 0;        // the lifetime mode keeps it, whoever else does
    std::uint64_t nothing = 0;      // about to go, or a directory that waits to become empty
    friend bool operator==(const Held&, const Held&) = default;
  };
  struct User {
    std::uint64_t objects = 0;
    std::uint64_t in_memory = 0;         // bytes of contents
    std::uint64_t spilled = 0;           // bytes of contents
    std::optional<std::int64_t> oldest;  // of the regular files: born, in seconds since 1970
  };
  std::uint64_t objects = 0;  // the root aside
  std::uint64_t handles = 0;  // open file descriptions
  Held held;
  std::map<uid_t, User> users;
};

}  // namespace scratchfs::tree

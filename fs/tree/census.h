// Census: the result of a walk over all objects: how many there are, what holds them, whose they
// are.
#pragma once

#include <sys/types.h>
#include <cstdint>
#include <map>
#include <optional>

namespace scratchfs::tree {

// Taken while requests are served: each object counts as it was when the walk reached it. An object
// that moves during the walk may be missed or counted twice.
struct Census {
  // Objects by kind of holder. An object with two kinds of holders counts for both.
  struct Held {
    std::uint64_t handles = 0;      // has a handle (a mapping keeps one)
    std::uint64_t claims = 0;       // at least one name is claimed
    std::uint64_t directories = 0;  // is in a directory that holds its entries
    std::uint64_t marks = 0;        // has a keep mark
    std::uint64_t sockets = 0;      // a socket that a process may have bound
    std::uint64_t mount = 0;        // kept by the lifetime mode, whatever else holds it
    std::uint64_t nothing = 0;  // about to be deleted, or a directory that is deleted once empty
    friend bool operator==(const Held&, const Held&) = default;
  };
  struct User {
    std::uint64_t objects = 0;
    std::uint64_t in_memory = 0;  // bytes of contents
    std::uint64_t spilled = 0;    // bytes of contents
    // The birth of the oldest regular file, in seconds since 1970.
    std::optional<std::int64_t> oldest;
  };
  std::uint64_t objects = 0;  // without the root
  std::uint64_t handles = 0;  // open file descriptions
  Held held;
  std::map<uid_t, User> users;
};

}  // namespace scratchfs::tree

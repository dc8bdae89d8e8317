// A keyed hash of untrusted bytes: without the key, nobody can construct collisions.
#pragma once

#include <cstddef>
#include <string_view>

namespace scratchfs::base {

// A hash function for tables whose keys come from users. std::hash has a well-known seed, so names
// can be chosen to land in one bucket, which makes every lookup walk all of them. This is
// SipHash-2-4 under a key that each process draws at random
// (https://doc.libsodium.org/hashing/short-input_hashing). Thread-safe.
struct KeyedHash {
  std::size_t operator()(std::string_view bytes) const;
};

}  // namespace scratchfs::base

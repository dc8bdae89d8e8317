// A hash of bytes that strangers choose: whoever does not know the key cannot make values collide.
#pragma once

#include <cstddef>
#include <string_view>

namespace scratchfs::base {

// For hash tables whose keys come from users. std::hash has a seed that everybody knows: names made
// for it fall all into one bucket, and each look-up walks it. This one is SipHash-2-4 under a key
// that each process draws anew, https://doc.libsodium.org/hashing/short-input_hashing. Thread-safe.
struct KeyedHash {
  std::size_t operator()(std::string_view bytes) const;
};

}  // namespace scratchfs::base

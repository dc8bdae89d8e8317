#include "fs/base/keyed_hash.h"

#include <sodium/crypto_shorthash.h>

#include <array>

namespace scratchfs::base {
namespace {

struct Key {
  Key() { crypto_shorthash_keygen(bytes.data()); }
  std::array<unsigned char, crypto_shorthash_KEYBYTES> bytes{};
};

}  // namespace

std::size_t KeyedHash::operator()(std::string_view bytes) const {
  static const Key key;
  std::size_t hash = 0;
  static_assert(sizeof(hash) == crypto_shorthash_BYTES);
  crypto_shorthash(reinterpret_cast<unsigned char*>(&hash),
                   reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(),
                   key.bytes.data());
  return hash;
}

}  // namespace scratchfs::base

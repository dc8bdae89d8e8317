// Counts with their noun, for messages.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace scratchfs::base {

// Returns `1 user`, `2 users`, `3 processes`. `one` is the noun's singular.
inline std::string counted(std::uint64_t count, std::string_view one) {
  std::string text = std::to_string(count) + " " + std::string(one);
  if (count != 1) text += one.ends_with('s') ? "es" : "s";
  return text;
}

}  // namespace scratchfs::base

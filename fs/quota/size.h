// Amounts of bytes as people write and read them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

namespace scratchfs::limits {

enum class SizeError : std::uint8_t {
  empty,
  negative,
  no_number,     // does not begin with a digit
  unknown_unit,  // something else follows the number
  too_precise,   // a fraction of a byte, or more than 9 digits after the point
  too_large,     // more than 2^64 - 1 bytes
  over_100,      // a percentage above 100
  no_whole,      // a percentage where there is nothing to take it of
};

// Why a size was refused, to be put after "what: " on the user's screen.
const char* explain(SizeError error);

// Reads `4096`, `512K`, `1.5G`, `64MiB` (powers of 1024, in either case: K M G T P E) or `10%` of
// `whole` bytes. `whole` 0: percentages are refused. What is left below one byte is dropped.
std::variant<std::uint64_t, SizeError> parse_size(std::string_view text, std::uint64_t whole = 0);

// One decimal and a unit: `1.5G`; below 1024 the bytes themselves: `512`.
std::string format_size(std::uint64_t bytes);

}  // namespace scratchfs::limits

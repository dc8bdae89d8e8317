// Parses and formats amounts of bytes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

namespace scratchfs::quota {

enum class SizeError : std::uint8_t {
  empty,
  negative,
  no_number,     // does not start with a digit
  unknown_unit,  // something else follows the number
  too_precise,   // a fraction of a byte, or more than 9 digits after the point
  too_large,     // more than 2^64 - 1 bytes
  over_100,      // a percentage above 100
  no_whole,      // a percentage where there is no whole to apply it to
};

// Returns why a size was refused, to be shown after "what: ".
const char* explain(SizeError error);

// Parses `4096`, `512K`, `1.5G`, `64MiB` (powers of 1024, case-insensitive: K M G T P E) or `10%`
// of `whole` bytes. If `whole` is 0, percentages are refused. Rounds down to whole bytes.
std::variant<std::uint64_t, SizeError> parse_size(std::string_view text, std::uint64_t whole = 0);

// Formats with one decimal and a unit (`1.5G`); below 1024 as plain bytes (`512`).
std::string format_size(std::uint64_t bytes);

}  // namespace scratchfs::quota

#include "fs/quota/size.h"

#include <cctype>
#include <cstddef>
#include <limits>
#include <optional>

namespace scratchfs::quota {

namespace {

__extension__ using Wide = unsigned __int128;  // products of two 64-bit numbers

constexpr std::string_view kUnits = "KMGTPE";
constexpr std::uint64_t kBillion = 1'000'000'000;
constexpr std::size_t kFractionDigits = 9;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

struct Number {
  std::uint64_t whole = 0;
  std::uint64_t billionths = 0;
};

// Removes the leading digits of `text` and returns their value; nullopt if it exceeds 64 bits.
std::optional<std::uint64_t> take_digits(std::string_view& text) {
  Wide value = 0;
  while (!text.empty() && is_digit(text.front())) {
    value = value * 10 + static_cast<unsigned>(text.front() - '0');
    if (value > std::numeric_limits<std::uint64_t>::max()) return std::nullopt;
    text.remove_prefix(1);
  }
  return static_cast<std::uint64_t>(value);
}

std::variant<Number, SizeError> take_number(std::string_view& text) {
  if (text.empty()) return SizeError::empty;
  if (text.front() == '-') return SizeError::negative;
  if (!is_digit(text.front())) return SizeError::no_number;
  Number number;
  const auto whole = take_digits(text);
  if (!whole) return SizeError::too_large;
  number.whole = *whole;
  if (text.empty() || text.front() != '.') return number;

  text.remove_prefix(1);
  if (text.empty() || !is_digit(text.front())) return SizeError::unknown_unit;
  std::uint64_t weight = kBillion;
  for (std::size_t i = 0; !text.empty() && is_digit(text.front()); ++i) {
    if (i == kFractionDigits) return SizeError::too_precise;
    weight /= 10;
    number.billionths += weight * static_cast<unsigned>(text.front() - '0');
    text.remove_prefix(1);
  }
  return number;
}

// Returns the bytes that K, KiB, M, ... stand for; nullopt for anything else.
std::optional<std::uint64_t> unit_bytes(std::string_view unit) {
  const char letter = static_cast<char>(std::toupper(static_cast<unsigned char>(unit.front())));
  const std::size_t power = kUnits.find(letter);
  if (power == std::string_view::npos) return std::nullopt;
  unit.remove_prefix(1);
  const bool spelled_out =
      unit.size() == 2 && (unit[0] == 'i' || unit[0] == 'I') && (unit[1] == 'B' || unit[1] == 'b');
  if (!unit.empty() && !spelled_out) return std::nullopt;
  return std::uint64_t{1} << (10 * (power + 1));
}

std::variant<std::uint64_t, SizeError> percentage(Number number, std::uint64_t whole) {
  if (whole == 0) return SizeError::no_whole;
  if (number.whole > 100 || (number.whole == 100 && number.billionths > 0)) {
    return SizeError::over_100;
  }
  const Wide share = Wide{number.whole} * kBillion + number.billionths;
  return static_cast<std::uint64_t>(share * whole / (Wide{100} * kBillion));
}

}  // namespace

const char* explain(SizeError error) {
  switch (error) {
    case SizeError::empty:
      return "a size is missing";
    case SizeError::negative:
      return "a size cannot be negative";
    case SizeError::no_number:
      return "not a size: it must begin with a digit";
    case SizeError::unknown_unit:
      return "not a size: after the number only K, M, G, T, P, E, KiB, MiB, ... or % may follow";
    case SizeError::too_precise:
      return "not a size: too many digits after the point";
    case SizeError::too_large:
      return "the size is too large";
    case SizeError::over_100:
      return "more than 100%";
    case SizeError::no_whole:
      return "a percentage is not possible here";
  }
  return "not a size";
}

std::variant<std::uint64_t, SizeError> parse_size(std::string_view text, std::uint64_t whole) {
  const auto taken = take_number(text);
  if (const auto* error = std::get_if<SizeError>(&taken)) return *error;
  const Number number = *std::get_if<Number>(&taken);
  if (text == "%") return percentage(number, whole);

  std::uint64_t unit = 1;
  if (!text.empty()) {
    const auto known = unit_bytes(text);
    if (!known) return SizeError::unknown_unit;
    unit = *known;
  } else if (number.billionths > 0) {
    return SizeError::too_precise;
  }
  const Wide bytes = Wide{number.whole} * unit + Wide{number.billionths} * unit / kBillion;
  if (bytes > std::numeric_limits<std::uint64_t>::max()) return SizeError::too_large;
  return static_cast<std::uint64_t>(bytes);
}

std::string format_size(std::uint64_t bytes) {
  if (bytes < 1024) return std::to_string(bytes);
  std::size_t power = 0;
  std::uint64_t unit = 1024;
  const auto tenths = [&] { return (Wide{bytes} * 10 + unit / 2) / unit; };
  // Compares the rounded value, so that 1.0M is not shown as 1024.0K.
  while (power + 1 < kUnits.size() && tenths() >= 10240) {
    ++power;
    unit *= 1024;
  }
  const auto shown = static_cast<std::uint64_t>(tenths());
  return std::to_string(shown / 10) + "." + std::to_string(shown % 10) + kUnits[power];
}

}  // namespace scratchfs::quota

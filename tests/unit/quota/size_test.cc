#include "fs/quota/size.h"

#include <gtest/gtest.h>

#include <limits>
#include <set>
#include <string>

#include "tests/units.h"

namespace scratchfs::quota {
namespace {

constexpr std::uint64_t kMost = std::numeric_limits<std::uint64_t>::max();

// Parses `text` and returns the size in bytes; fails the test if it is refused.
std::uint64_t bytes(std::string_view text, std::uint64_t whole = 0) {
  const auto parsed = parse_size(text, whole);
  const auto* value = std::get_if<std::uint64_t>(&parsed);
  EXPECT_NE(value, nullptr) << text;
  return value == nullptr ? 0 : *value;
}

// Returns why `text` is refused; fails the test if it is accepted.
SizeError refusal(std::string_view text, std::uint64_t whole = 0) {
  const auto parsed = parse_size(text, whole);
  const auto* error = std::get_if<SizeError>(&parsed);
  EXPECT_NE(error, nullptr) << text;
  return error == nullptr ? SizeError{} : *error;
}

TEST(ParseSize, TakesPlainNumbersForBytes) {
  EXPECT_EQ(bytes("0"), 0U);
  EXPECT_EQ(bytes("4096"), 4096U);
  EXPECT_EQ(bytes("007"), 7U);
  EXPECT_EQ(bytes("18446744073709551615"), kMost);
}

TEST(ParseSize, TakesUnitsAsPowersOf1024InBothForms) {
  EXPECT_EQ(bytes("512K"), 512U << 10);
  EXPECT_EQ(bytes("3m"), 3U << 20);
  EXPECT_EQ(bytes("2G"), 2 * kGiB);
  EXPECT_EQ(bytes("2GiB"), 2 * kGiB);
  EXPECT_EQ(bytes("64MiB"), 64U << 20);
  EXPECT_EQ(bytes("7kib"), 7U << 10);
  EXPECT_EQ(bytes("8T"), 1ULL << 43);
  EXPECT_EQ(bytes("1P"), 1ULL << 50);
  EXPECT_EQ(bytes("15E"), 15ULL << 60);
}

TEST(ParseSize, TakesFractionsOfAUnitExactly) {
  EXPECT_EQ(bytes("1.5G"), kGiB + kGiB / 2);
  EXPECT_EQ(bytes("0.25KiB"), 256U);
  EXPECT_EQ(bytes("1.0K"), 1024U);
  EXPECT_EQ(bytes("0.1K"), 102U);
  EXPECT_EQ(bytes("1.000000001E"), (1ULL << 60) + 1152921504U);
  EXPECT_EQ(bytes("1.0"), 1U);
}

TEST(ParseSize, TakesPercentagesOfTheWhole) {
  EXPECT_EQ(bytes("10%", 1000), 100U);
  EXPECT_EQ(bytes("12.5%", 1000), 125U);
  EXPECT_EQ(bytes("0%", 1000), 0U);
  EXPECT_EQ(bytes("100%", kMost), kMost);
  EXPECT_EQ(bytes("50%", kMost), kMost / 2);
}

TEST(ParseSize, SaysWhyItRefuses) {
  EXPECT_EQ(refusal(""), SizeError::empty);
  EXPECT_EQ(refusal("-1"), SizeError::negative);
  EXPECT_EQ(refusal("-5G"), SizeError::negative);
  EXPECT_EQ(refusal("G"), SizeError::no_number);
  EXPECT_EQ(refusal("+5"), SizeError::no_number);
  EXPECT_EQ(refusal(" 5"), SizeError::no_number);
  EXPECT_EQ(refusal(".5G"), SizeError::no_number);
  EXPECT_EQ(refusal("%", 100), SizeError::no_number);
  EXPECT_EQ(refusal("1.5"), SizeError::too_precise);
  EXPECT_EQ(refusal("1.0000000001G"), SizeError::too_precise);
  EXPECT_EQ(refusal("101%", 1000), SizeError::over_100);
  EXPECT_EQ(refusal("100.1%", 1000), SizeError::over_100);
  EXPECT_EQ(refusal("10%"), SizeError::no_whole);
}

TEST(ParseSize, RefusesWhatFollowsTheNumberUnlessItIsAUnit) {
  for (const char* text : {"5X", "5KB", "5Gi", "5GiBs", "5 G", "5G ", "5GG", "1.G", "1.2.3G",
                           "0x10", "1e9", "5KiB%", "10%%", "5,5G", "5-"}) {
    EXPECT_EQ(refusal(text, 1000), SizeError::unknown_unit) << text;
  }
  EXPECT_EQ(refusal(std::string_view("5\0", 2)), SizeError::unknown_unit);
}

TEST(ParseSize, RefusesMoreThan64Bits) {
  EXPECT_EQ(refusal("18446744073709551616"), SizeError::too_large);
  EXPECT_EQ(refusal("16E"), SizeError::too_large);
  EXPECT_EQ(refusal("18014398509481984K"), SizeError::too_large);
  EXPECT_EQ(refusal(std::string(10'000, '9')), SizeError::too_large);
}

TEST(ParseSize, ExplainsEachRefusalInItsOwnWords) {
  std::set<std::string> texts;
  for (const SizeError error :
       {SizeError::empty, SizeError::negative, SizeError::no_number, SizeError::unknown_unit,
        SizeError::too_precise, SizeError::too_large, SizeError::over_100, SizeError::no_whole}) {
    texts.insert(explain(error));
  }
  EXPECT_EQ(texts.size(), 8U);
}

TEST(FormatSize, ShowsBytesBelow1024AndOneDecimalAbove) {
  EXPECT_EQ(format_size(0), "0");
  EXPECT_EQ(format_size(1023), "1023");
  EXPECT_EQ(format_size(1024), "1.0K");
  EXPECT_EQ(format_size(1536), "1.5K");
  EXPECT_EQ(format_size(kGiB + kGiB / 2), "1.5G");
  EXPECT_EQ(format_size(100 * kGiB), "100.0G");
  EXPECT_EQ(format_size(8ULL << 40), "8.0T");
  EXPECT_EQ(format_size(kMost), "16.0E");
}

TEST(FormatSize, RoundsUpIntoTheNextUnit) {
  EXPECT_EQ(format_size((1U << 20) - 1), "1.0M");
  EXPECT_EQ(format_size(1023 * 1024), "1023.0K");
  EXPECT_EQ(format_size(kGiB - 1), "1.0G");
}

}  // namespace
}  // namespace scratchfs::quota

#include "fs/base/keyed_hash.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <set>
#include <string>
#include <vector>

namespace scratchfs::base {
namespace {

// libstdc++ hashes bytes with MurmurHash64A: `state = (state ^ mix(word)) * kFactor` for each word
// of eight bytes. Each step is reversible, so for any first word there is a second word that leads
// to a chosen state.
constexpr std::uint64_t kFactor = 0xc6a4a7935bd1e995;
constexpr std::uint64_t kInverse = 0x5f7a0ea7e59b19bd;  // kFactor * kInverse == 1
static_assert(kFactor * kInverse == 1);

std::uint64_t mix(std::uint64_t word) {
  word *= kFactor;
  word ^= word >> 47;
  return word * kFactor;
}

std::uint64_t unmix(std::uint64_t word) {
  word *= kInverse;
  word ^= word >> 47;
  return word * kInverse;
}

// Returns different names of sixteen bytes that all have the same std::hash.
std::vector<std::string> names_that_collide(std::size_t count) {
  constexpr std::uint64_t kSeed = 0xc70f6907;
  constexpr std::uint64_t kAim = 0x0123456789abcdef;
  std::vector<std::string> names;
  for (std::uint64_t first = 1; names.size() < count; ++first) {
    const std::uint64_t state = (kSeed ^ (16 * kFactor) ^ mix(first)) * kFactor;
    const std::uint64_t second = unmix(kAim ^ state);
    std::string name(16, '\0');
    std::memcpy(name.data(), &first, 8);
    std::memcpy(name.data() + 8, &second, 8);
    names.push_back(std::move(name));
  }
  return names;
}

TEST(KeyedHash, TheSameBytesHaveTheSameHash) {
  const std::string name = "sort8Kx2Qv";
  EXPECT_EQ(KeyedHash{}(name), KeyedHash{}(std::string(name)));
  EXPECT_NE(KeyedHash{}(name), KeyedHash{}("sort8Kx2Qw"));
  EXPECT_EQ(KeyedHash{}(""), KeyedHash{}(std::string_view()));
}

TEST(KeyedHash, NamesMadeToCollideDoNot) {
  std::set<std::size_t> known;
  std::set<std::size_t> keyed;
  for (const std::string& name : names_that_collide(1000)) {
    known.insert(std::hash<std::string_view>{}(name));
    keyed.insert(KeyedHash{}(name));
  }
#ifdef __GLIBCXX__
  EXPECT_EQ(known.size(), 1U) << "the names do not do what this test needs";
#endif
  EXPECT_EQ(keyed.size(), 1000U);
}

}  // namespace
}  // namespace scratchfs::base

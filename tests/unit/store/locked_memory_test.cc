#include "fs/store/locked_memory.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <openssl/crypto.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "fs/store/cipher.h"

namespace scratchfs::store {
namespace {

class LockedMemory : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(install_crypto_allocator()); }
};

TEST_F(LockedMemory, IsWipedWhenItIsFreed) {
  void* memory = allocate_locked(100);
  ASSERT_NE(memory, nullptr);
  EXPECT_TRUE(is_locked(memory));
  std::memset(memory, 0x5a, 100);
  free_locked(memory);
  // May still be read, because the area is never unmapped.
  const auto* bytes = static_cast<const unsigned char*>(memory);
  EXPECT_TRUE(std::all_of(bytes, bytes + 100, [](unsigned char b) { return b == 0; }));
}

TEST_F(LockedMemory, IsHandedOutWithoutOverlapAndRefusedWhenFull) {
  const std::size_t before = locked_bytes_in_use();
  std::vector<unsigned char*> taken;
  for (std::size_t size = 1;; size = size * 7 % 1500 + 1) {
    auto* memory = static_cast<unsigned char*>(allocate_locked(size));
    if (memory == nullptr) break;
    for (std::size_t i = 0; i < size; ++i) EXPECT_EQ(memory[i], 0);
    std::memset(memory, 0xff, size);
    taken.push_back(memory);
  }
  EXPECT_GT(locked_bytes_in_use(), kLockedBytes - 2048);
  EXPECT_EQ(allocate_locked(kLockedBytes + 1), nullptr);
  for (unsigned char* memory : taken) free_locked(memory);
  EXPECT_EQ(locked_bytes_in_use(), before);
}

TEST_F(LockedMemory, IsUsedByLibcryptoInsideAScopeOnly) {
  void* outside = OPENSSL_malloc(64);
  EXPECT_FALSE(is_locked(outside));
  {
    const LockedScope scope;
    void* inside = OPENSSL_malloc(64);
    EXPECT_TRUE(is_locked(inside));
    std::memcpy(inside, "0123456789", 10);
    inside = OPENSSL_realloc(inside, 300);
    EXPECT_TRUE(is_locked(inside));
    EXPECT_EQ(std::memcmp(inside, "0123456789", 10), 0);
    outside = OPENSSL_realloc(outside, 300);
    EXPECT_FALSE(is_locked(outside));
    OPENSSL_free(outside);
    outside = inside;
  }
  outside = OPENSSL_realloc(outside, 600);
  EXPECT_TRUE(is_locked(outside)) << "what was locked stays so, outside the scope too";
  OPENSSL_free(outside);
}

struct Mapping {
  std::uintptr_t start = 0, end = 0;
  std::string flags;
};

std::vector<Mapping> mappings() {
  std::vector<Mapping> found;
  std::ifstream smaps("/proc/self/smaps");
  for (std::string line; std::getline(smaps, line);) {
    if (line.starts_with("VmFlags:")) {
      found.back().flags = line;
    } else if (std::isdigit(static_cast<unsigned char>(line[0])) != 0 ||
               (line[0] >= 'a' && line[0] <= 'f')) {
      Mapping mapping;
      char dash = 0;
      std::istringstream(line) >> std::hex >> mapping.start >> dash >> mapping.end;
      found.push_back(mapping);
    }
  }
  return found;
}

TEST_F(LockedMemory, IsLockedAndLeftOutOfCoreDumpsAndOfChildren) {
  void* memory = allocate_locked(10);
  const auto address = reinterpret_cast<std::uintptr_t>(memory);
  std::string flags;
  for (const Mapping& mapping : mappings()) {
    if (address >= mapping.start && address < mapping.end) flags = mapping.flags;
  }
  free_locked(memory);
// The sanitizers make mlock(2) a no-op.
#if !defined(SCRATCHFS_SANITIZE_ADDRESS) && !defined(SCRATCHFS_SANITIZE_THREAD)
  EXPECT_NE(flags.find(" lo"), std::string::npos) << flags;
#endif
  EXPECT_NE(flags.find(" dd"), std::string::npos) << flags;
  EXPECT_NE(flags.find(" wf"), std::string::npos) << flags;
}

// Returns the addresses at which this process's memory contains `needle`. Skips memory that cannot
// be read through /proc/self/mem.
std::vector<std::uintptr_t> search_memory(std::span<const std::byte> needle) {
  std::vector<std::uintptr_t> found;
  const int memory = ::open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
  std::vector<std::byte> chunk(1 << 20);
  const auto own = reinterpret_cast<std::uintptr_t>(chunk.data());
  for (const Mapping& mapping : mappings()) {
    // Skips the sanitizers' shadow memory, which is terabytes of untouched pages.
    if (mapping.end - mapping.start > (std::uintptr_t{1} << 32)) continue;
    for (std::uintptr_t at = mapping.start; at < mapping.end; at += chunk.size() - needle.size()) {
      const std::size_t length = std::min<std::size_t>(chunk.size(), mapping.end - at);
      const ssize_t got = pread(memory, chunk.data(), length, static_cast<off_t>(at));
      if (got <= 0) break;
      const auto end = chunk.begin() + got;
      for (auto hit = chunk.begin();
           (hit = std::search(hit, end, needle.begin(), needle.end())) != end; ++hit) {
        const std::uintptr_t address = at + static_cast<std::uintptr_t>(hit - chunk.begin());
        if (address < own || address >= own + chunk.size()) found.push_back(address);
      }
    }
  }
  close(memory);
  return found;
}

TEST_F(LockedMemory, IsTheOnlyPlaceWhereTheKeyIs) {
#if defined(SCRATCHFS_SANITIZE_ADDRESS) || defined(SCRATCHFS_SANITIZE_THREAD)
  GTEST_SKIP() << "the sanitizers' shadow is too much memory to search";
#endif
  auto cipher = *Cipher::create();
  std::vector<std::byte> page(kPageSize), sealed(kPageSize);
  const std::byte* pages[] = {page.data()};
  const auto seal = cipher->seal(pages, 1, sealed.data());
  ASSERT_TRUE(seal);
  std::byte* back[] = {page.data()};
  ASSERT_TRUE(cipher->open(*seal, sealed.data(), 1, back));
  const auto hits = search_memory(cipher->key_for_test());
  EXPECT_GE(hits.size(), 1U) << "a search that does not find the key itself proves nothing";
  for (const std::uintptr_t hit : hits)
    EXPECT_TRUE(is_locked(reinterpret_cast<const void*>(hit))) << std::hex << hit;
  // Also searches for the byte order in which libcrypto stores the key as the first words of the
  // key schedule.
  std::vector<std::byte> swapped(cipher->key_for_test().begin(), cipher->key_for_test().end());
  for (std::size_t i = 0; i < swapped.size(); i += 4) std::reverse(&swapped[i], &swapped[i] + 4);
  for (const std::uintptr_t hit : search_memory(swapped)) {
    const auto own = reinterpret_cast<std::uintptr_t>(swapped.data());
    EXPECT_TRUE(hit == own || is_locked(reinterpret_cast<const void*>(hit))) << std::hex << hit;
  }
}

}  // namespace
}  // namespace scratchfs::store

#include "fs/store/cipher.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include "fs/store/locked_memory.h"

namespace scratchfs::store {
namespace {

using Page = std::array<std::byte, kPageSize>;

std::vector<Page> some_pages() {
  std::vector<Page> pages(3);
  for (std::size_t i = 0; i < pages.size(); ++i) pages[i].fill(static_cast<std::byte>(i + 1));
  return pages;
}

struct Sealed {
  Seal seal;
  std::vector<std::byte> bytes;
};

Sealed seal(Cipher& cipher, const std::vector<Page>& pages, PageMask mask) {
  std::vector<const std::byte*> pointers;
  for (const Page& page : pages) pointers.push_back(page.data());
  Sealed sealed{{}, std::vector<std::byte>(pages.size() * kPageSize)};
  auto made = cipher.seal(pointers, mask, sealed.bytes.data());
  EXPECT_TRUE(made);
  sealed.seal = *made;
  return sealed;
}

base::Result<void> opened(Cipher& cipher, const Sealed& sealed, PageMask mask,
                          std::vector<Page>& into) {
  std::vector<std::byte*> pointers;
  for (Page& page : into) pointers.push_back(page.data());
  return cipher.open(sealed.seal, sealed.bytes.data(), mask, pointers);
}

TEST(Cipher, OpensWhatItSealed) {
  auto cipher = *Cipher::create();
  const auto pages = some_pages();
  const Sealed sealed = seal(*cipher, pages, 0x0107);
  EXPECT_FALSE(std::equal(pages[0].begin(), pages[0].end(), sealed.bytes.begin()));
  std::vector<Page> back(3);
  EXPECT_TRUE(opened(*cipher, sealed, 0x0107, back));
  EXPECT_EQ(back, pages);
}

TEST(Cipher, RefusesWhateverWasChanged) {
  auto cipher = *Cipher::create();
  const Sealed sealed = seal(*cipher, some_pages(), 7);
  std::vector<Page> back(3);
  for (const std::size_t at : {std::size_t{0}, kPageSize, 3 * kPageSize - 1}) {
    Sealed changed = sealed;
    changed.bytes[at] ^= std::byte{1};
    EXPECT_TRUE(opened(*cipher, changed, 7, back).is(base::Errno{EIO}));
  }
  Sealed changed = sealed;
  changed.seal.nonce ^= 1;
  EXPECT_TRUE(opened(*cipher, changed, 7, back).is(base::Errno{EIO})) << "another block's nonce";
  changed = sealed;
  changed.seal.tag[15] ^= std::byte{0x80};
  EXPECT_TRUE(opened(*cipher, changed, 7, back).is(base::Errno{EIO})) << "another block's tag";
  EXPECT_TRUE(opened(*cipher, sealed, 0x0e, back).is(base::Errno{EIO})) << "another mask";
  EXPECT_TRUE(opened(*cipher, sealed, 7, back)) << "and goes on after refusing";
}

TEST(Cipher, HasADifferentKeyInEveryStore) {
  auto first = *Cipher::create();
  auto second = *Cipher::create();
  EXPECT_FALSE(std::ranges::equal(first->key_for_test(), second->key_for_test()));
  const Sealed sealed = seal(*first, some_pages(), 7);
  std::vector<Page> back(3);
  EXPECT_TRUE(opened(*second, sealed, 7, back).is(base::Errno{EIO}));
}

TEST(Cipher, UsesNoNonceTwiceFromManyThreads) {
  auto cipher = *Cipher::create();
  const auto pages = some_pages();
  std::mutex mutex;
  std::set<std::uint64_t> nonces;
  std::vector<std::thread> threads;
  for (int i = 0; i < 24; ++i) {
    threads.emplace_back([&] {
      for (int round = 0; round < 50; ++round) {
        const Sealed sealed = seal(*cipher, pages, 7);
        std::vector<Page> back(3);
        EXPECT_TRUE(opened(*cipher, sealed, 7, back));
        EXPECT_EQ(back, pages);
        const std::lock_guard lock(mutex);
        EXPECT_TRUE(nonces.insert(sealed.seal.nonce).second);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(nonces.size(), 24U * 50);
  EXPECT_EQ(cipher->next_nonce(), *nonces.rbegin() + 1);
}

TEST(Cipher, LeavesNothingInLockedMemory) {
  ASSERT_TRUE(install_crypto_allocator());
  const std::size_t before = locked_bytes_in_use();
  {
    auto cipher = *Cipher::create();
    EXPECT_GT(locked_bytes_in_use(), before);
  }
  EXPECT_EQ(locked_bytes_in_use(), before);
}

}  // namespace
}  // namespace scratchfs::store

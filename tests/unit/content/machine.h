// The base of the content tests: a small store, on a disk that can be made to fail, and a ledger.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <thread>
#include <vector>

#include "fs/content/content.h"
#include "fs/quota/ledger.h"
#include "fs/store/store.h"
#include "tests/fakes/fake_disk.h"
#include "tests/units.h"

namespace scratchfs::content {

using base::Errno;
using base::Wait;
using Bytes = std::vector<std::byte>;

inline constexpr uid_t kOwner = 1000;

// Returns bytes that differ in each page of a file and for each seed.
inline Bytes pattern(std::size_t size, unsigned seed) {
  Bytes bytes(size);
  std::uint64_t state = seed * 0x9e3779b97f4a7c15ULL + 1;
  for (std::byte& byte : bytes) {
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    byte = static_cast<std::byte>((state >> 56) | 1);  // never 0, to differ from holes
  }
  return bytes;
}

inline bool all_zero(const Bytes& bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](std::byte b) { return b == std::byte{0}; });
}

class Machine {
 public:
  // With `spill` 0, contents stay in memory.
  explicit Machine(std::uint64_t spill = 256 * kMiB, std::uint64_t memory = store::kMinBudget) {
    auto made = store::Store::create({.memory = memory, .spill = spill, .spill_directory = &disk});
    if (!made) {
      ADD_FAILURE() << "no store: errno " << made.error().value();
      std::abort();
    }
    store = std::move(*made);
  }

  void limit_owner(std::uint64_t bytes) {
    ledger.set_limits(kOwner, quota::Limits{.bytes = bytes});
  }
  std::uint64_t charged() const { return ledger.row(kOwner).usage.bytes; }

  fakes::FakeDisk disk;
  quota::Ledger ledger{quota::Ledger::Options{}};
  std::unique_ptr<store::Store> store;
};

// A file of kOwner.
struct File {
  explicit File(Machine& machine)
      : charge(machine.ledger, machine.ledger.account(kOwner)), content(*machine.store, charge) {}
  quota::Charge charge;
  Content content;
  Content* operator->() { return &content; }

  // Reads the range, waiting if need be; fails the test on an error.
  Bytes bytes(std::uint64_t offset, std::size_t length) {
    Bytes read(length, std::byte{0xee});
    const auto count = content.read(read, offset, Wait::yes);
    EXPECT_TRUE(count) << "errno " << count.error().value();
    read.resize(count ? *count : 0);
    return read;
  }
  Bytes all() { return bytes(0, content.size()); }
  void put(const Bytes& bytes, std::uint64_t offset) {
    const auto count = content.write(bytes, offset, Wait::yes);
    ASSERT_TRUE(count) << "errno " << count.error().value();
    ASSERT_EQ(*count, bytes.size());
  }
};

// Writes to other files until the block at `offset` is no longer in memory.
inline void spill(Machine& machine, File& file, std::uint64_t offset) {
  std::byte one{};
  for (int round = 0; round < 50; ++round) {
    File filler(machine);
    const Bytes megabyte = pattern(kMiB, 99);
    for (unsigned i = 0; i < 12; ++i) filler.put(megabyte, i * kMiB);
    if (file->read({&one, 1}, offset, Wait::no).is(base::kWouldBlock)) return;
  }
  ADD_FAILURE() << "the block at " << offset << " stays in memory";
}

// Runs `call` as a request is run: first without waiting, then, if it would block, with waiting.
template <typename Call>
auto as_handled(Call call) {
  auto result = call(Wait::no);
  return result.is(base::kWouldBlock) ? call(Wait::yes) : std::move(result);
}

}  // namespace scratchfs::content

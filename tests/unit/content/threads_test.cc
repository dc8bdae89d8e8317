// Many threads use one content that is larger than memory.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <random>
#include <thread>

#include "tests/unit/content/machine.h"

namespace scratchfs::content {
namespace {

template <typename Work>
void on_threads(unsigned count, Work work) {
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < count; ++i) threads.emplace_back(work, i);
  for (std::thread& thread : threads) thread.join();
}

// The pages are assigned to the threads in turn, so that every block has pages of all threads.
TEST(ContentThreads, KeepTheirOwnPagesWhateverOthersDoToTheSameBlocks) {
  constexpr unsigned kThreads = 4;
  constexpr std::uint64_t kPages = 12 * kMiB / kPage;
  Machine machine;
  File file(machine);
  ASSERT_TRUE(file->truncate(kPages * kPage, Wait::no));
  std::atomic<unsigned> wrong{0};
  on_threads(kThreads, [&](unsigned self) {
    std::minstd_rand random(self + 1);
    std::vector<unsigned> seeds(kPages, 0);  // expected contents of the pages; 0: a hole
    for (unsigned round = 1; round <= 4000; ++round) {
      const std::uint64_t page = random() % (kPages / kThreads) * kThreads + self;
      const unsigned seed = round * kThreads + self;
      switch (random() % 8) {
        case 0:
          if (!as_handled([&](Wait w) { return file->punch(page * kPage, kPage, w); })) ++wrong;
          seeds[page] = 0;
          break;
        case 1:
          if (!as_handled([&](Wait w) { return file->zero(page * kPage, kPage, true, w); }))
            ++wrong;
          seeds[page] = 0;
          break;
        case 2:
        case 3:
        case 4: {
          const Bytes bytes = pattern(kPage, seed);
          const auto written =
              as_handled([&](Wait w) { return file->write(bytes, page * kPage, w); });
          if (!written || *written != kPage) ++wrong;
          seeds[page] = seed;
          break;
        }
        default: {
          Bytes read(kPage);
          const auto count = as_handled([&](Wait w) { return file->read(read, page * kPage, w); });
          const Bytes expected = seeds[page] == 0 ? Bytes(kPage) : pattern(kPage, seeds[page]);
          if (!count || read != expected) ++wrong;
        }
      }
    }
  });
  EXPECT_EQ(wrong, 0U);
  EXPECT_EQ(machine.charged(), file->allocated());
  EXPECT_GT(machine.store->stats().blocks_fetched, 0U);
}

TEST(ContentThreads, LetNobodySeeBytesThatWereCutOff) {
  Machine machine;
  File file(machine);
  constexpr std::uint64_t kSize = 2 * kMiB;
  const Bytes ones(kSize, std::byte{1});
  std::atomic<bool> stop{false};
  std::atomic<unsigned> wrong{0};
  std::thread pressure([&] {
    while (!stop) {
      File filler(machine);
      for (unsigned i = 0; i < 8 && !stop; ++i) (void)filler->write(ones, i * kSize, Wait::yes);
    }
  });
  std::vector<std::thread> readers;
  for (unsigned i = 0; i < 2; ++i) {
    readers.emplace_back([&] {
      Bytes read(300'000);
      for (std::uint64_t at = 0; !stop; at = (at + 123'457) % kSize) {
        const auto count = as_handled([&](Wait w) { return file->read(read, at, w); });
        if (!count) {
          ++wrong;
          continue;
        }
        for (std::size_t b = 0; b < *count; ++b) {
          if (read[b] != std::byte{0} && read[b] != std::byte{1}) ++wrong;
        }
      }
    });
  }
  // Each round ends with an empty file, so a byte of value one behind the cut would be a stale one.
  const auto cut_and_grow = [&] {
    for (unsigned round = 0; round < 40; ++round) {
      const std::uint64_t cut = round * 54'321 % kSize;
      ASSERT_EQ(*as_handled([&](Wait w) { return file->write(ones, 0, w); }), kSize);
      ASSERT_TRUE(as_handled([&](Wait w) { return file->truncate(cut, w); }));
      ASSERT_TRUE(as_handled([&](Wait w) { return file->truncate(kSize, w); }));
      const Bytes tail = file.bytes(cut, kSize);
      ASSERT_EQ(tail.size(), kSize - cut);
      ASSERT_TRUE(
          std::all_of(tail.begin(), tail.end(), [](std::byte b) { return b == std::byte{0}; }));
      ASSERT_TRUE(file->truncate(0, Wait::no));
    }
  };
  cut_and_grow();
  stop = true;
  pressure.join();
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(wrong, 0U);
}

// An allocation that has created all pages of [0, kStuckAt) and waits for a read that will fail.
class StuckAllocation {
 public:
  static constexpr std::uint64_t kStuckAt = 2 * kMiB;

  StuckAllocation() {
    file.put(pattern(kPage, 1), kStuckAt);
    spill(machine, file, kStuckAt);
    while (machine.store->stats().memory_used > store::kMinBudget - 2 * kMiB)
      std::this_thread::yield();  // until the spiller has nothing more to write
    machine.disk.close_gate();
    allocating_ =
        std::thread([this] { allocated_ = file->allocate(0, kStuckAt + kMiB, true, Wait::yes); });
    machine.disk.wait_for_requests_at_gate(1);
  }
  void fail() {
    machine.disk.fail_reads(EIO);
    machine.disk.open_gate();
    allocating_.join();
    EXPECT_TRUE(allocated_.is(Errno(EIO)));
    machine.disk.fail_reads(std::nullopt);
  }

  Machine machine;
  File file{machine};

 private:
  std::thread allocating_;
  base::Result<void> allocated_;
};

TEST(ContentThreads, KeepWhatWasWrittenIntoAnAllocationThatFailsLaterAndNoMore) {
  StuckAllocation stuck;
  const Bytes bytes = pattern(3 * kPage, 2);
  stuck.file.put(bytes, 5 * kPage);
  stuck.fail();
  EXPECT_EQ(stuck.file.bytes(5 * kPage, bytes.size()), bytes);
  EXPECT_EQ(stuck.file->allocated(), 4 * kPage);
  EXPECT_EQ(stuck.machine.charged(), 4 * kPage);
}

TEST(ContentThreads, KeepWhatIsMadeAnewWhereAnAllocationThatFailsLaterHadPages) {
  StuckAllocation stuck;
  ASSERT_TRUE(stuck.file->punch(0, kMiB, Wait::no));
  const Bytes bytes = pattern(kMiB, 2);
  stuck.file.put(bytes, 0);
  stuck.fail();
  EXPECT_EQ(stuck.file.bytes(0, kMiB), bytes);
  EXPECT_EQ(stuck.file->allocated(), kMiB + kPage);
  EXPECT_EQ(stuck.machine.charged(), kMiB + kPage);
}

// An allocation must not rely on pages that another one in progress has created, because they are
// removed if that one fails.
TEST(ContentThreads, AnAllocationDoesNotCountOnPagesOfOneThatFailsLater) {
  StuckAllocation stuck;
  base::Result<void> other = stuck.file->allocate(0, kMiB, true, Wait::no);
  std::thread waiting;
  if (other.is(base::kWouldBlock))
    waiting = std::thread([&] { other = stuck.file->allocate(0, kMiB, true, Wait::yes); });
  stuck.fail();
  if (waiting.joinable()) waiting.join();
  EXPECT_TRUE(other);
  EXPECT_EQ(stuck.file->allocated(), kMiB + kPage);
  EXPECT_EQ(stuck.machine.charged(), kMiB + kPage);
}

TEST(ContentThreads, ShareAQuotaToTheLastPageAndNoFurther) {
  constexpr unsigned kThreads = 4;
  constexpr std::uint64_t kLimit = 500 * kPage;
  Machine machine;
  machine.limit_owner(kLimit);
  std::vector<std::unique_ptr<File>> files;
  for (unsigned i = 0; i < kThreads; ++i) files.push_back(std::make_unique<File>(machine));
  std::atomic<unsigned> wrong{0};
  on_threads(kThreads, [&](unsigned self) {
    File& file = *files[self];
    const Bytes bytes = pattern(77'777, self);
    std::uint64_t accepted = 0;
    for (;;) {
      const auto written = as_handled([&](Wait w) { return file->write(bytes, accepted, w); });
      if (!written) {
        if (!written.is(Errno(EDQUOT))) ++wrong;
        break;
      }
      accepted += *written;
      if (machine.charged() > kLimit) ++wrong;
    }
    if (file->size() != accepted) ++wrong;
  });
  EXPECT_EQ(wrong, 0U);
  std::uint64_t sum = 0;
  for (const auto& file : files) sum += file->content.allocated();
  EXPECT_EQ(machine.charged(), sum);
  EXPECT_EQ(sum, kLimit);
  files.clear();
  EXPECT_EQ(machine.charged(), 0U);
}

TEST(ContentThreads, CopyBetweenTwoFilesInBothDirectionsAtOnce) {
  Machine machine;
  File left(machine);
  File right(machine);
  const Bytes bytes = pattern(6 * kMiB, 5);
  left.put(bytes, 0);
  right.put(bytes, 0);
  std::atomic<unsigned> failed{0};
  on_threads(4, [&](unsigned self) {
    File& from = self % 2 == 0 ? left : right;
    File& to = self % 2 == 0 ? right : left;
    for (int round = 0; round < 5; ++round) {
      const auto copied = Content::copy(from.content, 0, to.content, 0, bytes.size(), Wait::yes);
      if (!copied || *copied != bytes.size()) ++failed;
    }
  });
  EXPECT_EQ(failed, 0U);
  EXPECT_EQ(left.all(), bytes);
  EXPECT_EQ(right.all(), bytes);
}

}  // namespace
}  // namespace scratchfs::content

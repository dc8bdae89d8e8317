// Makes each allocation of each call on a file fail once. The call must then fail or report how far
// it got; the file must have its old or its new bytes; and the charge must match what is allocated.
#include <gtest/gtest.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <functional>
#include <optional>

#include "fs/content/discarded.h"
#include "tests/fakes/scarce_memory_new.h"
#include "tests/unit/content/machine.h"

namespace scratchfs::content {
namespace {

using fakes::OneFailure;

// Files begin here, after a hole: shortly before the block map needs its second chunk.
constexpr std::size_t kBase = 4 * kMiB - 200 * kKiB;
constexpr std::size_t kShort = kBase + 150 * kKiB;
constexpr std::size_t kLong = kBase + 400 * kKiB;

class ContentScarcity : public ::testing::Test {
 protected:
  ContentScarcity() { spdlog::default_logger(); }  // created while there is memory for it

  // Makes the call; returns how many bytes it has processed.
  using Call = std::function<base::Result<std::size_t>(File&)>;
  using Expected = std::function<Bytes(const Bytes& before, std::size_t done)>;

  // Makes `call` on a new file of `size` bytes once for each of its allocations, which then fails.
  // If the call fails, the file must be unchanged; if it succeeds, the file must be as `after`
  // returns.
  void expect_sound_after_each_failure(std::size_t size, const Call& call, const Expected& after) {
    for (std::uint64_t spared = 0;; ++spared) {
      SCOPED_TRACE("the allocation after " + std::to_string(spared));
      bool happened = false;
      {
        File file(machine_);
        const std::size_t begin = size > kBase ? kBase : 0;
        file.put(pattern(size - begin, 1), begin);
        const Bytes before = file.all();
        const auto result = call_with_failure(file, spared, call, happened);
        EXPECT_TRUE(file.all() == (result ? after(before, *result) : before));
        EXPECT_EQ(machine_.charged(), file->allocated());
        // The file remains usable.
        EXPECT_TRUE(file->write(pattern(100, 3), file->size(), Wait::yes));
        EXPECT_TRUE(file->truncate(0, Wait::yes));
        EXPECT_EQ(file->allocated(), 0U);
      }
      EXPECT_EQ(machine_.charged(), 0U);
      EXPECT_EQ(machine_.store->stats().memory_used, 0U);
      if (!happened || HasFailure()) return;
      ASSERT_LT(spared, 1000U);
    }
  }
  static base::Result<std::size_t> call_with_failure(File& file, std::uint64_t spared,
                                                     const Call& call, bool& happened) {
    const OneFailure failure(spared);
    base::Result<std::size_t> result = base::Errno(ENOMEM);
    try {
      result = call(file);
    } catch (const std::bad_alloc&) {  // the same as ENOMEM
    }
    happened = failure.happened();
    return result;
  }
  static base::Result<std::size_t> all_or_nothing(const base::Result<void>& result) {
    if (!result) return result.error();
    return std::size_t{0};
  }
  static Bytes overlaid(Bytes bytes, const Bytes& with, std::size_t offset, std::size_t count) {
    bytes.resize(std::max(bytes.size(), offset + count));
    std::copy_n(with.begin(), count, bytes.begin() + static_cast<std::ptrdiff_t>(offset));
    return bytes;
  }

  Machine machine_;
  const Bytes more_ = pattern(700 * kKiB, 2);
};

TEST_F(ContentScarcity, OfAWriteThatMayNotWait) {
  const std::size_t offset = kBase + 100 * kKiB;
  expect_sound_after_each_failure(
      kShort, [&](File& file) { return file->write(more_, offset, Wait::no); },
      [&](const Bytes& before, std::size_t done) { return overlaid(before, more_, offset, done); });
}

TEST_F(ContentScarcity, OfAWriteThatMayWait) {
  const std::size_t offset = kBase + 100 * kKiB;
  expect_sound_after_each_failure(
      kShort, [&](File& file) { return file->write(more_, offset, Wait::yes); },
      [&](const Bytes& before, std::size_t done) { return overlaid(before, more_, offset, done); });
}

TEST_F(ContentScarcity, OfSmallBytesThatGrow) {
  const Bytes more(more_.begin(), more_.begin() + 900);
  for (const Wait wait : {Wait::no, Wait::yes}) {
    expect_sound_after_each_failure(
        700, [&](File& file) { return file->write(more, 500, wait); },
        [&](const Bytes& before, std::size_t done) { return overlaid(before, more, 500, done); });
  }
}

TEST_F(ContentScarcity, OfSmallBytesThatBecomeABlock) {
  expect_sound_after_each_failure(
      700, [&](File& file) { return file->write(more_, 300, Wait::yes); },
      [&](const Bytes& before, std::size_t done) { return overlaid(before, more_, 300, done); });
}

TEST_F(ContentScarcity, OfCuttingAFileShort) {
  for (const std::size_t size : {kBase + 100 * kKiB + 5, kBase + 270 * kKiB, std::size_t{5}}) {
    expect_sound_after_each_failure(
        kLong, [&](File& file) { return all_or_nothing(file->truncate(size, Wait::yes)); },
        [&](Bytes before, std::size_t) {
          before.resize(size);
          return before;
        });
  }
}

TEST_F(ContentScarcity, OfCuttingSmallBytesShort) {
  expect_sound_after_each_failure(
      1500, [&](File& file) { return all_or_nothing(file->truncate(100, Wait::no)); },
      [&](Bytes before, std::size_t) {
        before.resize(100);
        return before;
      });
}

TEST_F(ContentScarcity, OfPunchingAHole) {
  expect_sound_after_each_failure(
      kLong,
      [&](File& file) { return all_or_nothing(file->punch(kBase + 5, 350 * kKiB, Wait::yes)); },
      [&](Bytes before, std::size_t) {
        std::fill_n(before.begin() + kBase + 5, 350 * kKiB, std::byte{0});
        return before;
      });
}

TEST_F(ContentScarcity, OfAllocating) {
  for (const Wait wait : {Wait::no, Wait::yes}) {
    expect_sound_after_each_failure(
        kShort,
        [&](File& file) { return all_or_nothing(file->allocate(kShort, kMiB, false, wait)); },
        [&](Bytes before, std::size_t) {
          before.resize(kShort + kMiB);
          return before;
        });
  }
}

TEST_F(ContentScarcity, OfCopying) {
  File source(machine_);
  source.put(more_, kPage);  // after a hole
  const std::uint64_t charged = machine_.charged();
  for (std::uint64_t spared = 0;; ++spared) {
    bool happened = false;
    File target(machine_);
    target.put(pattern(kShort - kBase, 1), kBase);
    const Bytes before = target.all();
    const auto copied = call_with_failure(
        target, spared,
        [&](File& file) {
          return Content::copy(source.content, 0, file.content, kBase + 5, 500 * kKiB, Wait::yes);
        },
        happened);
    const Bytes expected =
        copied ? overlaid(before, source.bytes(0, *copied), kBase + 5, *copied) : before;
    EXPECT_TRUE(target.all() == expected) << "after " << spared;
    EXPECT_EQ(machine_.charged(), charged + target->allocated());
    if (!happened || HasFailure()) return;
  }
}

TEST_F(ContentScarcity, OfReadingAheadFailsNoRead) {
  Machine machine(64 * kMiB);
  File file(machine);
  for (unsigned i = 0; i < 8; ++i) file.put(pattern(kMiB, i), i * kMiB);
  spill(machine, file, 0);
  file.put(pattern(64 * kKiB, 9), 0);  // the range that is read is in memory, the next one is not
  Bytes bytes(kPage);
  bool happened = false;
  const auto read = call_with_failure(
      file, 0, [&](File& here) { return here->read(bytes, 0, Wait::no); }, happened);
  EXPECT_TRUE(happened);
  EXPECT_TRUE(read) << read.error().value();
}

// The reaper frees discarded contents on its own thread, where it could not report an error.
TEST_F(ContentScarcity, OfFreeingWhatWasDiscarded) {
  for (std::uint64_t spared = 0;; ++spared) {
    File file(machine_);
    file.put(pattern(kLong - kBase, 1), kBase);
    Discarded discarded = file->discard();
    std::uint64_t left = discarded.bytes();
    const OneFailure failure(spared);
    while (const std::uint64_t freed = discarded.free_some()) left -= freed;
    EXPECT_EQ(left, 0U) << "after " << spared;
    if (!failure.happened() || HasFailure()) return;
  }
}

}  // namespace
}  // namespace scratchfs::content

#include "fs/store/frames.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <set>
#include <thread>
#include <vector>

namespace scratchfs::store {
namespace {

constexpr std::uint64_t kBytes = 64 << 20;

std::unique_ptr<Frames> make(std::atomic<int>* told = nullptr) {
  const auto tell = [told] {
    if (told != nullptr) ++*told;
  };
  auto frames = Frames::create(kBytes, {.surplus = tell, .low = [] {}});
  EXPECT_TRUE(frames);
  return *std::move(frames);
}

// Whether the page has memory behind it, which mincore(2) reports for anonymous memory.
bool is_backed(const std::byte* page) {
  unsigned char state = 0;
  EXPECT_EQ(mincore(const_cast<std::byte*>(page), kPageSize, &state), 0);
  return (state & 1) != 0;
}

TEST(Frames, AreAllDifferentAndAllThere) {
  auto frames = make();
  std::vector<FrameIndex> taken(kBytes / kPageSize);
  frames->take(taken);
  EXPECT_EQ(std::set<FrameIndex>(taken.begin(), taken.end()).size(), taken.size());
  for (const FrameIndex frame : taken) std::memset(frames->address(frame), 1, kPageSize);
  frames->put(taken);
  EXPECT_EQ(frames->reserve_bytes(), kBytes);
}

TEST(Frames, ComeBackLastFreedFirst) {
  auto frames = make();
  std::array<FrameIndex, 4> taken{};
  frames->take(taken);
  frames->put(std::span(taken).first(2));
  frames->put(std::span(taken).last(2));
  std::array<FrameIndex, 4> again{};
  frames->take(again);
  EXPECT_EQ(again, (std::array{taken[2], taken[3], taken[0], taken[1]}))
      << "in the order in which they were put back together";
}

TEST(Frames, AreTakenFromOtherThreadsBeforeMemoryIsTouchedAnew) {
  auto frames = make();
  std::vector<FrameIndex> taken(100);
  frames->take(taken);
  std::thread([&] { frames->put(taken); }).join();
  std::vector<FrameIndex> again(100);
  std::thread([&] { frames->take(again); }).join();
  EXPECT_EQ(std::set<FrameIndex>(taken.begin(), taken.end()),
            std::set<FrameIndex>(again.begin(), again.end()));
}

// Runs give_back() until all is given back; returns false if something is left after kLooks runs.
bool give_back_until_done(Frames& frames) {
  for (std::size_t i = 0; i < Frames::kLooks; ++i) {
    if (!frames.give_back(false)) return true;
  }
  return false;
}

TEST(Frames, GivesMemoryBackThatStayedFreeAndKeepsAReserve) {
  std::atomic<int> told{0};
  auto frames = make(&told);
  std::vector<FrameIndex> taken(kBytes / kPageSize);
  frames->take(taken);
  for (const FrameIndex frame : taken) std::memset(frames->address(frame), 1, kPageSize);
  frames->put(taken);
  EXPECT_EQ(told, 1);
  EXPECT_TRUE(frames->give_back(false)) << "the last moment was busy";
  EXPECT_EQ(frames->reserve_bytes(), kBytes);
  EXPECT_TRUE(give_back_until_done(*frames)) << "nobody needed them since";
  EXPECT_GT(frames->reserve_bytes(), 0U);
  EXPECT_LE(frames->reserve_bytes(), kBytes / 8);
  std::uint64_t backed = 0;
  for (const FrameIndex frame : taken) backed += is_backed(frames->address(frame)) ? kPageSize : 0;
  EXPECT_EQ(backed, frames->reserve_bytes());
  frames->take(taken);
  frames->put(taken);
  EXPECT_EQ(told, 2) << "tells again after it was done";
}

TEST(Frames, GivesBackAtOnceWhatTheMachineNeeds) {
  auto frames = make();
  std::vector<FrameIndex> taken(kBytes / kPageSize);
  frames->take(taken);
  frames->put(taken);
  EXPECT_FALSE(frames->give_back(true));
  EXPECT_LE(frames->reserve_bytes(), kBytes / 8);
}

TEST(Frames, FillTheReserveAheadOfNeed) {
  int low = 0;
  auto frames = *Frames::create(kBytes, {.surplus = [] {}, .low = [&] { ++low; }});
  std::array<FrameIndex, 1> one{};
  frames->take(one);
  frames->take(one);
  EXPECT_EQ(low, 1) << "tells once";
  frames->fill();
  EXPECT_GE(frames->reserve_bytes(), kBytes / 16);
  EXPECT_LE(frames->reserve_bytes(), kBytes / 8);
  std::vector<FrameIndex> ready(frames->reserve_bytes() / kPageSize);
  frames->take(ready);
  for (const FrameIndex frame : ready) EXPECT_TRUE(is_backed(frames->address(frame)));
  EXPECT_EQ(low, 2);
}

TEST(Frames, LeaveTheReserveEmptyWhereTheBudgetIsUsedUp) {
  int low = 0;
  auto frames = *Frames::create(kBytes, {.surplus = [] {}, .low = [&] { ++low; }});
  std::vector<FrameIndex> taken(kBytes / kPageSize);
  frames->take(taken);
  EXPECT_EQ(low, 0);
  frames->fill();
  EXPECT_EQ(frames->reserve_bytes(), 0U);
}

TEST(Frames, BecomeMoreAndFewerWhileSomeAreInUse) {
  constexpr std::uint64_t kMore = 4 * kBytes;
  auto frames = *Frames::create(kBytes, {.surplus = [] {}, .low = [] {}}, kMore);
  EXPECT_TRUE(frames->resize(kMore + kPageSize).is(base::Errno{ENOMEM}));
  ASSERT_TRUE(frames->resize(kMore));
  std::vector<FrameIndex> taken(kMore / kPageSize);
  frames->take(taken);
  for (const FrameIndex frame : taken) std::memset(frames->address(frame), 1, kPageSize);
  EXPECT_EQ(std::set<FrameIndex>(taken.begin(), taken.end()).size(), taken.size());
  ASSERT_TRUE(frames->resize(kBytes));
  frames->put(std::span(taken).subspan(kBytes / kPageSize));
  frames->give_back(false);
  EXPECT_LE(frames->reserve_bytes(), kBytes / 8) << "nothing will need them again";
  std::vector<FrameIndex> rest(taken.begin(), taken.begin() + kBytes / kPageSize);
  for (const FrameIndex frame : rest)
    EXPECT_EQ(*frames->address(frame), std::byte{1}) << "what is in use stays as it is";
  frames->put(rest);
}

TEST(Frames, KeepNothingReadyWhileMemoryIsShort) {
  auto frames = make();
  std::vector<FrameIndex> taken(kBytes / kPageSize);
  frames->take(taken);
  frames->put(taken);
  frames->keep_reserve(false);
  EXPECT_FALSE(frames->give_back(true));
  frames->fill();
  EXPECT_EQ(frames->reserve_bytes(), 0U);
  frames->keep_reserve(true);
  frames->fill();
  EXPECT_GT(frames->reserve_bytes(), 0U);
}

TEST(Frames, KeepsWhatIsNeededNowAndThen) {
  auto frames = make();
  std::vector<FrameIndex> taken(kBytes / kPageSize / 2);
  frames->take(taken);
  frames->put(taken);
  for (int i = 0; i < 3; ++i) {
    frames->give_back(false);
    frames->take(taken);
    frames->put(taken);
  }
  frames->give_back(false);
  EXPECT_EQ(frames->reserve_bytes(), kBytes / 2);
}

TEST(Frames, AreNeverInTwoHandsWhileThreadsTakeAndGiveBack) {
  auto frames = make();
  std::atomic<bool> done{false};
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] {
      std::array<FrameIndex, 16> taken{};
      for (unsigned round = 0; round < 3000; ++round) {
        frames->take(taken);
        for (const FrameIndex frame : taken) std::memcpy(frames->address(frame), &i, sizeof i);
        for (const FrameIndex frame : taken)
          ASSERT_EQ(std::memcmp(frames->address(frame), &i, sizeof i), 0);
        frames->put(taken);
      }
    });
  }
  std::thread housekeeper([&] {
    while (!done) {
      frames->give_back(true);
      frames->fill();
    }
  });
  for (std::thread& thread : threads) thread.join();
  done = true;
  housekeeper.join();
}

}  // namespace
}  // namespace scratchfs::store

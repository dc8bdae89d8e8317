#include "fs/kernel/metrics/write_totals.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <numeric>
#include <thread>
#include <vector>

namespace scratchfs::kernel {
namespace {

// The first of the pids that no process can have (pid_max in proc(5) is at most 2^22) and that so
// have no session either.
constexpr pid_t kNobody = 1 << 23;

class WritersTest : public testing::Test {
 protected:
  void note(pid_t thread, std::uint64_t bytes, uid_t uid = 1000) {
    writers().note({.uid = uid, .gid = 0, .pid = thread, .umask = 0}, bytes);
  }
  Writers& writers() { return *writers_; }
  std::uint64_t sum() const {
    const auto all = writers_->all();
    return std::accumulate(all.begin(), all.end(), std::uint64_t{0},
                           [](std::uint64_t sum, const Writer& one) { return sum + one.bytes; });
  }

  // On the heap: g++'s AddressSanitizer does not align a stack frame to 64 bytes.
  const std::unique_ptr<Writers> writers_ = std::make_unique<Writers>();
};

TEST_F(WritersTest, AddUpByThreadAndUser) {
  const std::int64_t before = time(nullptr);
  note(::getpid(), 10);
  note(::getpid(), 5);
  note(::getpid(), 100, 2000);
  const auto all = writers().all();
  ASSERT_EQ(all.size(), 2U);
  const Writer& mine = all[0].uid == 1000 ? all[0] : all[1];
  EXPECT_EQ(mine.bytes, 15U);
  EXPECT_EQ(mine.thread, ::getpid());
  EXPECT_EQ(mine.session, ::getsid(0));
  EXPECT_GE(mine.first, before);
  EXPECT_GE(mine.last, mine.first);
}

TEST_F(WritersTest, WhoCannotBeSeenHasNoSession) {
  note(0, 7);
  note(kNobody, 8);
  for (const Writer& one : writers().all()) EXPECT_EQ(one.session, 0);
}

TEST_F(WritersTest, ThoseIdleForLongestBecomeASum) {
  const auto many = static_cast<pid_t>(3 * Writers::kMostThreads);
  for (pid_t i = 0; i < many; ++i) note(kNobody + i, 1);
  EXPECT_LE(writers().all().size(), Writers::kMostThreads + Writers::kMostSessions);
  EXPECT_EQ(sum(), static_cast<std::uint64_t>(many)) << "of one session and user nothing is lost";
}

TEST_F(WritersTest, StayWithinTheirBoundHoweverManyUsersThereAre) {
  const auto many = static_cast<pid_t>(4 * (Writers::kMostThreads + Writers::kMostSessions));
  for (pid_t i = 0; i < many; ++i) note(kNobody + i, 1, static_cast<uid_t>(i));
  EXPECT_LE(writers().all().size(), Writers::kMostThreads + Writers::kMostSessions);
}

TEST_F(WritersTest, CountFromManyThreads) {
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([this] {
      for (pid_t n = 0; n < 1000; ++n) note(kNobody + n % 50, 1);
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(sum(), 8000U);
}

}  // namespace
}  // namespace scratchfs::kernel

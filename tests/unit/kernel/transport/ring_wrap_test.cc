#include "fs/kernel/transport/ring_wrap.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <liburing.h>
#include <unistd.h>

#include <cstring>
#include <thread>

#include "fs/kernel/transport/fuse.h"
#include "fs/kernel/transport/request_thread.h"

extern "C" {
int __wrap_io_uring_submit_and_wait(io_uring* ring, unsigned wait_for) noexcept;
int __wrap_io_uring_submit(io_uring* ring) noexcept;
}

namespace scratchfs::kernel {
namespace {

// Returns the address that a call goes to. Volatile, because the compiler assumes that two names
// are two functions.
template <typename Function>
void* place_of(Function* function) {
  Function* volatile place = function;
  return reinterpret_cast<void*>(place);
}

// The linker redirects the calls in this file as it redirects those of libfuse.
TEST(RingWrap, IsLinkedInForLibrariesThatNeedIt) {
#if FUSE_VERSION < FUSE_MAKE_VERSION(3, 19)
  EXPECT_EQ(place_of(io_uring_submit_and_wait), place_of(__wrap_io_uring_submit_and_wait));
  EXPECT_EQ(place_of(io_uring_submit), place_of(__wrap_io_uring_submit));
#else
  EXPECT_NE(place_of(io_uring_submit_and_wait), place_of(__wrap_io_uring_submit_and_wait));
#endif
}

// IORING_SETUP_NO_SQARRAY of Linux 6.6, which the headers of liburing lack before 2.5.
constexpr unsigned kNoSqArray = 1U << 16;

// A ring of NOPs in place of libfuse's; the entries that its thread and other threads fill in are
// executed. Runs with the index array, as liburing sets rings up before 2.9, and without, as it
// does since.
class RingWrapTest : public testing::TestWithParam<unsigned> {
 protected:
  static constexpr unsigned kEntries = 8;
  RingWrapTest() {
    claimed_ = RingSet::claim();
    error_ = io_uring_queue_init(kEntries, &ring_, IORING_SETUP_SQE128 | GetParam());
    if (error_ == 0 && ring_.sq.array != nullptr && GetParam() == kNoSqArray) take_indices_away();
  }
  ~RingWrapTest() override {
    if (error_ == 0) io_uring_queue_exit(&ring_);
    RingSet::forget();
  }
  void SetUp() override {
    ASSERT_TRUE(claimed_);
    if (error_ != 0) GTEST_SKIP() << "io_uring: " << strerror(-error_);
  }

  // Sets the ring up without the index array. liburing before 2.9 fills in the array anyway, which
  // then overwrites the first words of the rings: restores those.
  void take_indices_away() {
    ring_.sq.array = nullptr;
    *ring_.sq.khead = *ring_.sq.ktail = *ring_.cq.khead = *ring_.cq.ktail = 0;
    *ring_.sq.kring_mask = ring_.sq.ring_mask;
    *ring_.cq.kring_mask = ring_.cq.ring_mask;
    *ring_.sq.kring_entries = ring_.sq.ring_entries;
    *ring_.cq.kring_entries = ring_.cq.ring_entries;
  }
  void fill_in(std::uint64_t data) {
    io_uring_sqe* entry = io_uring_get_sqe(&ring_);
    ASSERT_NE(entry, nullptr);
    io_uring_prep_nop(entry);
    io_uring_sqe_set_data64(entry, data);
  }
  // Returns the data of the next completion without waiting: 0 for a wake, -1 if there is none.
  std::int64_t next_completion() {
    io_uring_cqe* completion = nullptr;
    if (io_uring_peek_cqe(&ring_, &completion) != 0) return -1;
    const auto data = static_cast<std::int64_t>(io_uring_cqe_get_data64(completion));
    EXPECT_EQ(completion->res, data == 0 ? -ENOTCONN : 0);
    io_uring_cqe_seen(&ring_, completion);
    return data;
  }

  io_uring ring_{};
  int error_ = 0;
  bool claimed_ = false;
};

TEST_P(RingWrapTest, OneSessionHasTheRings) { EXPECT_FALSE(RingSet::claim()); }

TEST_P(RingWrapTest, KnowsHowItIsSubmittedUnlessTheKernelTakesEntriesByItself) {
  EXPECT_EQ(Ring::unknown_setup(ring_), 0U);
  ring_.flags |= IORING_SETUP_SQPOLL;
  EXPECT_EQ(Ring::unknown_setup(ring_), IORING_SETUP_SQPOLL);
  ring_.flags &= ~IORING_SETUP_SQPOLL;
}

TEST_P(RingWrapTest, StartHandsOverWhatIsFilledInAndReportsIt) {
  unsigned started = 0;
  EXPECT_FALSE(RingSet::wait_for(1, std::chrono::seconds(0), started));
  std::thread([this] {
    fill_in(5);
    fill_in(6);
    EXPECT_EQ(Ring::of_this_thread(), nullptr);
    Ring* ring = Ring::start(ring_);
    EXPECT_EQ(Ring::of_this_thread(), ring);
  }).join();
  EXPECT_TRUE(RingSet::wait_for(1, std::chrono::seconds(10), started));
  EXPECT_EQ(started, 1U);
  EXPECT_EQ(next_completion(), 5);
  EXPECT_EQ(next_completion(), 6);
  EXPECT_EQ(next_completion(), -1);
  EXPECT_EQ(Ring::of_this_thread(), nullptr);
}

TEST_P(RingWrapTest, AReplyFromAnotherThreadWakesTheRingsThreadWhichHandsItOver) {
  constexpr int kReplies = 20'000;
  std::atomic<Ring*> ring = nullptr;
  std::atomic<std::uint64_t> outstanding = 0;
  std::thread owner([&] {
    fill_in(1);
    fill_in(2);
    ring = Ring::start(ring_);
    EXPECT_EQ(next_completion(), 1);
    EXPECT_EQ(next_completion(), 2);
    for (int seen = 0; seen < kReplies;) {
      ring.load()->submit(true);
      for (std::int64_t data = 0; (data = next_completion()) >= 0;) {
        if (data == 0) continue;  // a wake
        EXPECT_EQ(data, 3 + seen);
        ++seen;
        --outstanding;
      }
    }
  });
  while (ring.load() == nullptr) std::this_thread::yield();
  for (int i = 0; i < kReplies; ++i) {
    // As with requests, at most kEntries are outstanding.
    while (outstanding == kEntries) std::this_thread::yield();
    ++outstanding;
    const RingReply reply(ring, nullptr);
    fill_in(static_cast<std::uint64_t>(3 + i));
  }
  owner.join();
}

// For a while the wake goes to a descriptor that is not a ring.
TEST_P(RingWrapTest, AWakeThatFailsIsTriedAgain) {
  std::atomic<Ring*> ring = nullptr;
  std::atomic<RequestThread*> request_thread = nullptr;
  std::thread owner([&] {
    RequestThread own;
    fill_in(1);
    ring = Ring::start(ring_);
    EXPECT_EQ(next_completion(), 1);
    own.waits();
    request_thread = &own;
    for (std::int64_t data = 0; data != 3;) {
      ring.load()->submit(true);
      while (data != 3 && (data = next_completion()) >= 0) continue;
    }
  });
  while (request_thread.load() == nullptr) std::this_thread::yield();
  const bool sleeps = request_thread.load()->was_idle_by(std::chrono::steady_clock::now() +
                                                         std::chrono::seconds(30));
  EXPECT_TRUE(sleeps);
  const int saved = dup(ring_.ring_fd);
  const int other = open("/dev/null", O_RDONLY | O_CLOEXEC);
  EXPECT_EQ(dup2(other, ring_.ring_fd), ring_.ring_fd);
  std::thread mender([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    EXPECT_EQ(dup2(saved, ring_.ring_fd), ring_.ring_fd);
  });
  {
    const RingReply reply(ring, nullptr);
    fill_in(3);
  }
  mender.join();
  owner.join();
  close(saved);
  close(other);
}

TEST_P(RingWrapTest, ParkedRequestsAreCountedWithoutARingToo) {
  const ParkedPlace none(nullptr);
  Ring ring(ring_);
  { const ParkedPlace place(&ring); }
  const RingReply nothing(nullptr, nullptr);
}

INSTANTIATE_TEST_SUITE_P(Setup, RingWrapTest, testing::Values(0U, kNoSqArray),
                         [](const auto& setup) {
                           return setup.param == 0 ? "AsAsked" : "WithoutIndices";
                         });

}  // namespace
}  // namespace scratchfs::kernel

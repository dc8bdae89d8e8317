// The end of a claimant that held much does not delay the sweep of another.
#include "fs/tree/sweep_thread.h"

#include <algorithm>
#include <map>
#include <new>
#include <semaphore>

#include "tests/unit/tree/tree_fixture.h"

namespace scratchfs::tree {
namespace {

// Sweeps with the given numbers of pieces. Records whose turn it was. The first piece waits for
// go().
class Turns {
 public:
  void add(lifetime::ClaimantKey key, int pieces) {
    {
      base::Lock lock(mutex_);
      left_[key] = pieces;
    }
    std::list<Sweep> sweep(1);
    sweep.front().claimant = std::make_shared<lifetime::Claimant>(key, "");
    sweeper_.add(sweep);
  }
  void wait_until_begun() { begun_.acquire(); }
  void go() { may_go_.release(); }
  std::vector<lifetime::ClaimantKey> when_done() {
    while (!sweeper_.empty()) std::this_thread::yield();
    base::Lock lock(mutex_);
    return order_;
  }
  void fail_once() { fails_ = true; }

 private:
  bool piece(const Sweep& sweep) {
    if (!has_begun_.exchange(true)) {
      begun_.release();
      may_go_.acquire();
    }
    if (fails_.exchange(false)) throw std::bad_alloc();
    base::Lock lock(mutex_);
    const lifetime::ClaimantKey key = sweep.claimant->key();
    order_.push_back(key);
    return --left_[key] == 0;
  }

  std::binary_semaphore begun_{0};
  std::binary_semaphore may_go_{0};
  std::atomic<bool> has_begun_ = false;
  std::atomic<bool> fails_ = false;
  base::Mutex mutex_;
  std::map<lifetime::ClaimantKey, int> left_ GUARDED_BY(mutex_);
  std::vector<lifetime::ClaimantKey> order_ GUARDED_BY(mutex_);
  SweepThread sweeper_{[this](const Sweep& sweep) { return piece(sweep); }};
};

constexpr lifetime::ClaimantKey kLarge = 1000;
constexpr lifetime::ClaimantKey kOtherLarge = 2000;

TEST(ASweeper, LetsSmallSweepsByWhileLargeOnesGoOn) {
  Turns turns;
  turns.add(kLarge, 500);
  turns.wait_until_begun();
  turns.add(kOtherLarge, 500);
  for (lifetime::ClaimantKey small = 0; small < 10; ++small) turns.add(small, 1);
  turns.go();
  const auto order = turns.when_done();
  EXPECT_EQ(order.size(), 1010U);
  const auto last_small = std::find_if(order.rbegin(), order.rend(),
                                       [](lifetime::ClaimantKey key) { return key < kLarge; });
  EXPECT_LE(order.rend() - last_small, 24) << "one piece of others for each, at most";
}

TEST(ASweeper, GivesLargeSweepsTheirTurns) {
  Turns turns;
  turns.add(kLarge, 100);
  turns.wait_until_begun();
  turns.add(kOtherLarge, 100);
  turns.go();
  const auto order = turns.when_done();
  EXPECT_GT(std::ranges::count(order.begin(), order.begin() + 20, kLarge), 8);
  EXPECT_GT(std::ranges::count(order.begin(), order.begin() + 20, kOtherLarge), 8);
}

TEST(ASweeper, GoesOnWhereThereWasNoMemory) {
  Turns turns;
  turns.fail_once();
  turns.go();
  turns.add(kLarge, 3);
  EXPECT_EQ(turns.when_done(), (std::vector<lifetime::ClaimantKey>{kLarge, kLarge, kLarge}));
}

TEST(ASweeper, EndsWithSweepsThatAreNotDone) {
  Turns turns;
  turns.go();
  turns.add(kLarge, 1'000'000'000);
  turns.wait_until_begun();
}

// Records what is deleted. The first deletion waits until all ends have been reported, with a time
// limit.
class FirstDeletionWaits : public SilentNotices {
 public:
  void name_gone(InodeId, InodeId, std::string name, std::shared_ptr<void>) override {
    constexpr std::chrono::seconds kLongest{2};
    if (!has_begun_.exchange(true)) (void)all_ended_.try_acquire_for(kLongest);
    base::Lock lock(mutex_);
    order_.push_back(std::move(name));
  }
  void all_ended() { all_ended_.release(); }
  std::vector<std::string> order() {
    base::Lock lock(mutex_);
    return order_;
  }

 private:
  std::atomic<bool> has_begun_ = false;
  std::binary_semaphore all_ended_{0};
  base::Mutex mutex_;
  std::vector<std::string> order_ GUARDED_BY(mutex_);
};

class Sweeps : public TreeTest {
 protected:
  static constexpr int kMany = 5000;

  // Ends both sessions one after the other, as a watcher does. Returns how many files were deleted
  // before the only one of the other session.
  std::ptrdiff_t deleted_before_the_small_one() {
    make_file(root_, "small", O_EXCL, kOtherSession);
    tree_->set_kernel(&notices_, &barrier_);
    claimants_.swept = nullptr;
    EXPECT_TRUE(claimants_.end(kSession));
    EXPECT_TRUE(claimants_.end(kOtherSession));
    notices_.all_ended();
    finish_sweeps();
    const auto order = notices_.order();
    EXPECT_TRUE(names(root_).empty());
    return std::ranges::find(order, "small") - order.begin();
  }
  ~Sweeps() override { tree_->set_kernel(nullptr, nullptr); }

  FirstDeletionWaits notices_;
};

TEST_F(Sweeps, OfManyNamesDelayNoOtherSession) {
  for (int i = 0; i < kMany; ++i) make_file(root_, std::to_string(i), O_EXCL);
  EXPECT_LT(deleted_before_the_small_one(), kMany / 10);
}

TEST_F(Sweeps, OfALargeDirectoryDelayNoOtherSession) {
  const auto directory = make_directory(root_, "directory");
  for (int i = 0; i < kMany; ++i) make_file(directory, std::to_string(i));
  EXPECT_LT(deleted_before_the_small_one(), kMany / 10);
}

TEST_F(Sweeps, EndWithWhatWasInTheDirectoryWhenTheyBegan) {
  const auto directory = make_directory(root_, "directory");
  for (int i = 0; i < 1000; ++i) make_file(directory, std::to_string(i));
  tree_->set_kernel(&notices_, &barrier_);
  claimants_.swept = nullptr;
  EXPECT_TRUE(claimants_.end(kSession));
  // Meanwhile the first deletion waits.
  const auto open = create(directory, "open", O_RDWR | O_CREAT);
  make_file(directory, "claimed", O_EXCL, kOtherSession);
  notices_.all_ended();
  finish_sweeps();
  EXPECT_EQ(names(directory), (std::vector<std::string>{"open", "claimed"}));
  tree_->release(open.opened.handle);
  claimants_.end(kOtherSession);
  finish_sweeps();
  EXPECT_TRUE(names(root_).empty());
}

TEST_F(Sweeps, AreLeftWhereTheyAreWhenTheMountEnds) {
  for (int i = 0; i < kMany; ++i) make_file(root_, std::to_string(i), O_EXCL);
  tree_->set_kernel(&notices_, &barrier_);
  claimants_.swept = nullptr;
  EXPECT_TRUE(claimants_.end(kSession));
  notices_.all_ended();
  tree_.reset();
  EXPECT_EQ(ledger_.total(), quota::Usage{});
  start({});
}

}  // namespace
}  // namespace scratchfs::tree

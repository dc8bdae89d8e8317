#include "fs/kernel/parking.h"

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <latch>
#include <mutex>
#include <utility>

namespace scratchfs::kernel {
namespace {

class Job final : public Parking::Task {
 public:
  using Refused = std::function<void(base::Errno)>;
  Job(std::function<void()> work, Refused refused)
      : work_(std::move(work)), refused_(std::move(refused)) {}
  void run() override { work_(); }
  void refuse(base::Errno error) override { refused_(error); }

 private:
  std::function<void()> work_;
  Refused refused_;
};

std::unique_ptr<Parking::Task> job(
    std::function<void()> work,
    Job::Refused refused = [](base::Errno) { ADD_FAILURE() << "refused"; }) {
  return std::make_unique<Job>(std::move(work), std::move(refused));
}

TEST(Parking, OneWorkerRunsTasksInTheOrderTheyCame) {
  std::vector<int> order;
  std::latch done(100);
  Parking parking(1);
  for (int i = 0; i < 100; ++i) {
    parking.park(job([&order, &done, i] {
      order.push_back(i);
      done.count_down();
    }));
  }
  done.wait();
  parking.drain();
  EXPECT_EQ(parking.parked_total(), 100U);
  ASSERT_EQ(order.size(), 100U);
  EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
}

TEST(Parking, AsManyTasksWaitAtOnceAsThereMayBeWorkers) {
  std::latch all_running(8);
  Parking parking(8);
  for (int i = 0; i < 8; ++i) parking.park(job([&] { all_running.arrive_and_wait(); }));
  all_running.wait();
}

TEST(Parking, TasksBeyondTheLimitWaitForAWorker) {
  std::latch both_running(2);
  std::latch let_go(1);
  std::atomic<int> running = 0;
  std::atomic<int> most = 0;
  std::latch done(10);
  Parking parking(2);
  for (int i = 0; i < 10; ++i) {
    parking.park(job([&, i] {
      const int now = ++running;
      most = std::max<int>(most, now);
      if (i < 2) both_running.count_down();
      let_go.wait();
      --running;
      done.count_down();
    }));
  }
  both_running.wait();
  EXPECT_EQ(parking.parked(), 10U);
  let_go.count_down();
  done.wait();
  EXPECT_EQ(most, 2);
}

TEST(Parking, DrainFinishesWhatRunsAndRefusesTheRest) {
  std::latch running(1);
  std::latch let_go(1);
  Parking parking(1);
  bool finished = false;
  int refused = 0;
  parking.park(job([&] {
    running.count_down();
    let_go.wait();
    finished = true;
  }));
  running.wait();
  for (int i = 0; i < 5; ++i) {
    parking.park(job([] { ADD_FAILURE() << "run"; },
                     [&](base::Errno error) {
                       EXPECT_EQ(error.value(), ENOTCONN);
                       if (++refused == 5) let_go.count_down();
                     }));
  }
  parking.drain();
  EXPECT_TRUE(finished);
  EXPECT_EQ(refused, 5);
  EXPECT_EQ(parking.parked(), 0U);
}

TEST(Parking, AfterDrainEverythingIsRefusedAtOnce) {
  Parking parking(1);
  parking.drain();
  parking.drain();
  int error = 0;
  parking.park(job([] { ADD_FAILURE() << "run"; }, [&](base::Errno e) { error = e.value(); }));
  EXPECT_EQ(error, ENOTCONN);
  EXPECT_EQ(parking.parked_total(), 0U);
}

TEST(Parking, EachTaskIsDestroyedBeforeDrainReturns) {
  const auto token = std::make_shared<int>();
  Parking parking(3);
  for (int i = 0; i < 50; ++i) parking.park(job([token] {}, [token](base::Errno) {}));
  parking.drain();
  EXPECT_EQ(token.use_count(), 1);
}

}  // namespace
}  // namespace scratchfs::kernel

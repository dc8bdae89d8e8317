#include "fs/kernel/transport/parking.h"

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <latch>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "fs/base/mutex.h"
#include "tests/unit/base/soon.h"
#include "tests/unit/kernel/transport/job.h"

namespace scratchfs::kernel {
namespace {

std::unique_ptr<Parking::Task> job(
    std::function<void()> work,
    Job::Refused refused = [](base::Errno) { ADD_FAILURE() << "refused"; }) {
  return std::make_unique<Job>(std::move(work), std::move(refused));
}

// A task that waits for something that never happens, until its deadline passes.
class Waiting final : public Parking::Task {
 public:
  Waiting(std::uint64_t number, std::latch& begun, std::atomic<int>& ended_with)
      : Task(Parking::Lane::disk, number, base::CancellableDeadline::Clock::duration::max()),
        begun_(begun),
        ended_with_(ended_with) {}
  void run() override {
    begun_.count_down();
    base::Mutex mutex;
    base::Condition never;
    const base::Wait wait(deadline());
    base::Lock lock(mutex);
    while (!wait.over()) never.wait(mutex, wait);
    ended_with_ = wait.over()->value();
  }
  void refuse(base::Errno error) override { ADD_FAILURE() << "refused: " << error.value(); }

 private:
  std::latch& begun_;
  std::atomic<int>& ended_with_;
};

// A pool whose only worker is busy until the end.
class BusyPool {
 public:
  BusyPool() {
    parking.park(job([this] {
      running_.count_down();
      let_go_.wait();
    }));
    running_.wait();
  }
  ~BusyPool() { let_go_.count_down(); }

 private:
  std::latch running_{1};
  std::latch let_go_{1};

 public:
  Parking parking{1};
};

// A task that must be refused, and sets `error` then.
std::unique_ptr<Parking::Task> refused_with(int& error, std::uint64_t number) {
  return std::make_unique<Job>([] { ADD_FAILURE() << "run"; },
                               [&error](base::Errno e) { error = e.value(); }, Parking::Lane::disk,
                               number);
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

// A task with an allowance of time, which runs `work` with its own deadline.
class Hasty final : public Parking::Task {
 public:
  Hasty(std::chrono::milliseconds allowance, std::function<void(base::CancellableDeadline&)> work)
      : Task(Parking::Lane::disk, 0, allowance), work_(std::move(work)) {}
  void run() override { work_(deadline()); }
  void refuse(base::Errno) override { ADD_FAILURE() << "refused"; }

 private:
  std::function<void(base::CancellableDeadline&)> work_;
};

TEST(Parking, TheProgressOfThoseBeforeItCountsForWhatIsQueued) {
  using namespace std::chrono_literals;
  const auto later = base::CancellableDeadline::Clock::now() + 1h;
  std::latch queued(1);
  base::CancellableDeadline::Clock::time_point second;
  std::optional<base::Errno> third;
  {
    Parking parking(1);
    parking.park(std::make_unique<Hasty>(1ms, [&](base::CancellableDeadline& deadline) {
      queued.wait();
      deadline.progressed(later);
    }));
    parking.park(std::make_unique<Hasty>(
        1ms, [&](base::CancellableDeadline& deadline) { second = deadline.progress(); }));
    std::latch done(1);
    parking.park(std::make_unique<Hasty>(1ms, [&](base::CancellableDeadline& deadline) {
      third = deadline.over();
      done.count_down();
    }));
    queued.count_down();
    done.wait();
  }
  EXPECT_EQ(second, later);
  EXPECT_EQ(third, std::nullopt);
}

TEST(Parking, WhatIsQueuedBehindAStuckDiskDoesNotWaitForItAnew) {
  using namespace std::chrono_literals;
  std::latch queued(1);
  std::latch done(1);
  std::optional<base::Errno> second;
  Parking parking(1);
  parking.park(std::make_unique<Hasty>(1ms, [&](base::CancellableDeadline& deadline) {
    queued.wait();
    base::Mutex mutex;
    base::Condition never;
    const base::Wait wait(deadline);
    base::Lock lock(mutex);
    while (!wait.over()) never.wait(mutex, wait);
    never.wait_for(mutex, 2ms);  // until the other task's deadline has passed too
  }));
  parking.park(std::make_unique<Hasty>(1ms, [&](base::CancellableDeadline& deadline) {
    second = deadline.over();
    done.count_down();
  }));
  queued.count_down();
  done.wait();
  EXPECT_EQ(second, base::Errno(EIO));
}

TEST(Parking, WorkersThatAreIdleEndButTheLast) {
  std::atomic<int> run = 0;
  Parking parking(8, std::chrono::milliseconds(1));
  for (int round = 1; round <= 3; ++round) {
    std::latch together(8);
    for (int i = 0; i < 8; ++i) {
      parking.park(job([&] {
        together.arrive_and_wait();
        ++run;
      }));
    }
    EXPECT_TRUE(soon([&] { return run == round * 8 && parking.workers() == 1; }));
  }
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

TEST(Parking, DrainEndsTheWaitsOfWhatRuns) {
  std::latch begun(1);
  std::atomic<int> ended_with = 0;
  Parking parking(1);
  parking.park(std::make_unique<Waiting>(7, begun, ended_with));
  begun.wait();
  parking.drain();
  EXPECT_EQ(ended_with, ENOTCONN);
}

TEST(Parking, WhatRunsIsInterruptedByItsNumber) {
  std::latch begun(1);
  std::atomic<int> ended_with = 0;
  Parking parking(1);
  parking.park(std::make_unique<Waiting>(7, begun, ended_with));
  begun.wait();
  parking.interrupt(8);
  parking.interrupt(7);
  while (parking.parked() > 0) std::this_thread::yield();
  EXPECT_EQ(ended_with, EINTR);
}

TEST(Parking, WhatWaitsForAWorkerIsInterruptedAtOnce) {
  BusyPool pool;
  int error = 0;
  pool.parking.park(refused_with(error, 7));
  pool.parking.interrupt(7);
  EXPECT_EQ(error, EINTR);
  EXPECT_EQ(pool.parking.parked(), 1U);
}

TEST(Parking, AnInterruptMayComeBeforeItsRequest) {
  std::latch begun(1);
  std::atomic<int> ended_with = 0;
  Parking parking(1);
  parking.interrupt(7);
  parking.park(std::make_unique<Waiting>(7, begun, ended_with));
  while (parking.parked() > 0) std::this_thread::yield();
  EXPECT_EQ(ended_with, EINTR);
}

TEST(Parking, AnInterruptThatComesBeforeItsRequestRefusesWhatNoWorkerIsFreeFor) {
  BusyPool pool;
  pool.parking.interrupt(7);
  int error = 0;
  pool.parking.park(refused_with(error, 7));
  EXPECT_EQ(error, EINTR);
}

// A program with a timer must not see EINTR from file I/O, whenever its signal arrives.
TEST(Parking, WhatAWorkerIsFreeForIsDoneDespiteAnInterrupt) {
  std::atomic<int> done = 0;
  {
    Parking parking(4);
    for (std::uint64_t number = 1; number <= 1000; ++number) {
      if (number % 2 == 0) parking.interrupt(number);
      parking.park(std::make_unique<Job>([&] { ++done; },
                                         [](base::Errno) { ADD_FAILURE() << "refused"; },
                                         Parking::Lane::disk, number));
      parking.interrupt(number);
      while (parking.parked() > 0) std::this_thread::yield();
    }
  }
  EXPECT_EQ(done, 1000);
}

TEST(Parking, WhatMayWaitForTheDiskLeavesWorkersToAllElse) {
  std::latch let_go(1);
  std::latch disk_running(2);
  std::atomic<int> disk_tasks = 0;
  Parking parking(2);
  for (int i = 0; i < 5; ++i) {
    parking.park(job([&] {
      if (++disk_tasks <= 2) disk_running.count_down();
      let_go.wait();
    }));
  }
  disk_running.wait();
  std::latch other(Parking::kOtherWorkers);
  for (unsigned i = 0; i < Parking::kOtherWorkers; ++i) {
    parking.park(std::make_unique<Job>([&] { other.arrive_and_wait(); },
                                       [](base::Errno) { ADD_FAILURE() << "refused"; },
                                       Parking::Lane::other));
  }
  other.wait();
  EXPECT_EQ(disk_tasks, 2);
  let_go.count_down();
  while (parking.parked() > 0) std::this_thread::yield();
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

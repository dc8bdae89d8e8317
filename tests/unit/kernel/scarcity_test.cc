// Memory runs out in the transport: a request may be refused, but nothing is lost and no thread
// ends.
#include <gtest/gtest.h>
#include <linux/fuse.h>
#include <spdlog/spdlog.h>

#include <cstring>
#include <latch>
#include <new>
#include <utility>

#include "fs/kernel/handlers/context.h"
#include "fs/kernel/handlers/operations.h"
#include "fs/kernel/transport/capabilities.h"
#include "tests/fakes/fake_kernel.h"
#include "tests/fakes/scarce_memory_new.h"
#include "tests/unit/kernel/transport/job.h"
#include "tests/unit/tree/tree_fixture.h"

namespace scratchfs::kernel {
namespace {

using fakes::OneFailure;
using fakes::ScarceMemory;

fuse_lowlevel_ops all_operations() {
  fuse_lowlevel_ops operations = kernel::operations();
  operations.init = [](void*, fuse_conn_info* connection) { choose_capabilities(*connection); };
  return operations;
}

class ListingScarcity : public tree::TreeTest {
 protected:
  ListingScarcity() : TreeTest(lifetime::LifetimeMode::mount) {
    spdlog::default_logger();  // created while there is memory for it
    kernel_.initialize();
  }
  ~ListingScarcity() override { parking_.drain(); }

  // Creates a file and drops the kernel's reference to its inode.
  tree::InodeId make_forgotten(const std::string& name) {
    const tree::InodeId id = make_file(root_, name)->id;
    tree_->forget(id, 1);
    return id;
  }

  Counters counters_;
  Parking parking_{1};
  Context context_{{parking_, counters_}, *tree_, ControlFile([](const ControlRequest&) {
                     return std::string();
                   })};
  test::FakeKernel kernel_{all_operations(), &context_};
};

TEST_F(ListingScarcity, WhatIsNotAnsweredIsNotCountedAsLookedUp) {
  std::vector<tree::InodeId> files;
  for (const char letter : {'a', 'b', 'c', 'd', 'e', 'f'})
    files.push_back(make_forgotten(std::string(50, letter)));
  fuse_read_in wanted{};
  wanted.size = 4096;
  std::vector<std::byte> body(sizeof wanted);
  std::memcpy(body.data(), &wanted, sizeof wanted);
  int refused = 0;
  for (std::uint64_t spared = 0;; ++spared) {
    bool happened = false;
    {
      const OneFailure failure(spared);
      try {
        kernel_.send(FUSE_READDIRPLUS, FUSE_ROOT_ID, body);
      } catch (const std::bad_alloc&) {  // the fake kernel had no memory to send the request
      }
      happened = failure.happened();
    }
    const auto answers = kernel_.take();
    const bool answered = !answers.empty() && answers[0].error == 0;
    if (!answers.empty() && answers[0].error == -ENOMEM) ++refused;
    for (const tree::InodeId file : files) {
      EXPECT_EQ(tree_->find(file) != nullptr, answered) << "after " << spared;
      if (answered) tree_->forget(file, 1);
      EXPECT_EQ(tree_->find(file), nullptr) << "after " << spared;
    }
    if (!happened || HasFailure()) break;
  }
  EXPECT_GT(refused, 6);
}

// A worker allocates nothing, even if allocations failed when it was added.
TEST(ParkingScarcity, WorkersNeedNoMemory) {
  spdlog::default_logger();
  for (std::uint64_t spared = 0;; ++spared) {
    std::latch running(1);
    std::latch let_go(1);
    std::latch first_done(1);
    std::latch second_done(1);
    const auto counting = [](std::latch& latch) {
      return std::make_unique<Job>([&] { latch.count_down(); },
                                   [&](base::Errno) { latch.count_down(); });
    };
    bool happened = false;
    Parking parking(2);
    parking.park(std::make_unique<Job>(
        [&] {
          running.count_down();
          let_go.wait();
        },
        [](base::Errno) { ADD_FAILURE() << "refused"; }));
    running.wait();
    auto first = counting(first_done);
    auto second = counting(second_done);
    {
      const ScarceMemory others(1);
      {
        const OneFailure failure(0);
        parking.park(std::move(first));  // no worker can be created for it
      }
      {
        const OneFailure failure(spared);
        parking.park(std::move(second));
        happened = failure.happened();
      }
      // If the second was refused after a worker had been created for it, that runs the first now.
      if (parking.parked_total() == 2) first_done.wait();
      let_go.count_down();
      first_done.wait();
      second_done.wait();
    }
    if (!happened || HasFailure()) return;
  }
}

TEST(ParkingScarcity, DrainNeedsNoMemory) {
  constexpr int kQueued = 200;
  std::latch running(1);
  std::latch all_refused(kQueued);
  Parking parking(1);
  parking.park(std::make_unique<Job>(
      [&] {
        running.count_down();
        all_refused.wait();
      },
      [](base::Errno) { ADD_FAILURE() << "refused"; }));
  running.wait();
  for (int i = 0; i < kQueued; ++i)
    parking.park(std::make_unique<Job>([] { ADD_FAILURE() << "run"; },
                                       [&](base::Errno) { all_refused.count_down(); }));
  const OneFailure failure(0);
  parking.drain();
  EXPECT_FALSE(failure.happened());
}

}  // namespace
}  // namespace scratchfs::kernel

// Many threads use a small store at once, with everything in progress that can be: spills, fetches,
// drops, a failing disk.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstring>
#include <mutex>
#include <random>
#include <shared_mutex>
#include <thread>
#include <vector>

#include "fs/store/store.h"
#include "tests/fakes/fake_disk.h"
#include "tests/unit/base/soon.h"

namespace scratchfs::store {
namespace {

using fakes::FakeDisk;
using namespace std::chrono_literals;

#if defined(SCRATCHFS_SANITIZE_THREAD) || defined(SCRATCHFS_SANITIZE_ADDRESS)
constexpr int kRounds = 400;
#else
constexpr int kRounds = 4000;
#endif

// What the owner of a block keeps: a lock, the block, and the expected contents of its pages (0: a
// hole).
struct Cell {
  std::shared_mutex mutex;
  BlockPtr block;
  std::array<std::uint64_t, kPagesPerBlock> stamps{};
};

class Owners {
 public:
  Owners(std::uint64_t spill, std::size_t cells) : cells_(cells) {
    auto made = Store::create({.memory = kMinBudget, .spill = spill, .spill_directory = &disk});
    EXPECT_TRUE(made);
    store = *std::move(made);
    for (Cell& cell : cells_) cell.block = store->new_block();
  }

  // Runs `threads` threads, each for kRounds rounds.
  void run(int threads, bool errors_may_come) {
    std::vector<std::thread> running;
    for (int i = 0; i < threads; ++i) {
      running.emplace_back([this, i, errors_may_come] {
        std::mt19937_64 random(static_cast<std::uint64_t>(i) + 1);
        for (int round = 0; round < kRounds; ++round) step(random, errors_may_come);
      });
    }
    std::thread auditor([this] {
      while (!done_) {
        EXPECT_LE(store->stats().memory_used, kMinBudget);
        std::this_thread::sleep_for(1ms);
      }
    });
    for (std::thread& thread : running) thread.join();
    done_ = true;
    auditor.join();
  }

  void verify_all() {
    for (Cell& cell : cells_) {
      if (const auto error = read(cell)) ADD_FAILURE() << "errno " << *error;
    }
  }

  void expect_empty_after_drop() {
    for (Cell& cell : cells_) cell.block.reset();
    EXPECT_TRUE(soon([&] {
      return store->stats().memory_used + store->stats().spilled + disk.allocated_bytes() == 0;
    })) << store->stats().memory_used
        << ' ' << store->stats().spilled << ' ' << disk.allocated_bytes();
  }

  FakeDisk disk;
  std::unique_ptr<Store> store;
  std::atomic<int> errors{0};

 private:
  using Failure = std::optional<int>;

  void step(std::mt19937_64& random, bool errors_may_come) {
    Cell& cell = cells_[random() % cells_.size()];
    const auto what = random() % 100;
    Failure failure;
    if (what < 45) {
      failure = read(cell);
    } else if (what < 90) {
      failure = write(cell, static_cast<PageMask>(random()), random() | 1);
    } else if (what < 96) {
      failure = punch(cell, static_cast<PageMask>(random()));
    } else {
      const std::unique_lock lock(cell.mutex);
      cell.block = store->new_block();
      cell.stamps = {};
    }
    if (!failure) return;
    ++errors;
    if (!errors_may_come) ADD_FAILURE() << "errno " << *failure;
  }

  // The loop that every owner uses: tries to pin the block under the lock; if that would block,
  // fetches the block without the lock and tries again with the resulting pin.
  template <typename Lock, typename Use>
  Failure with_pin(Cell& cell, Access access, Use use) {
    Pin kept;
    while (true) {
      Hold hold;
      {
        const Lock lock(cell.mutex);
        if (kept && kept.pins(*cell.block)) return use(kept);
        auto pinned = store->pin(*cell.block, access);
        if (pinned) return use(*pinned);
        if (!pinned.is(base::kWouldBlock)) return pinned.error().value();
        hold = store->hold(*cell.block);
      }
      auto fetched = store->fetch(hold, access);
      if (fetched.is(base::Errno{ECANCELED})) continue;
      if (!fetched) return fetched.error().value();
      kept = *std::move(fetched);
    }
  }

  Failure read(Cell& cell) {
    return with_pin<std::shared_lock<std::shared_mutex>>(cell, Access::read,
                                                         [&](Pin& pin) -> Failure {
                                                           check(cell, pin);
                                                           return {};
                                                         });
  }

  void check(const Cell& cell, const Pin& pin) {
    for (unsigned i = 0; i < kPagesPerBlock; ++i) {
      const std::byte* page = pin.page(i);
      ASSERT_EQ(page != nullptr, cell.stamps[i] != 0);
      if (page == nullptr) continue;
      for (const std::size_t at : {std::size_t{0}, kPageSize / 2, kPageSize - 8}) {
        std::uint64_t stamp = 0;
        std::memcpy(&stamp, page + at, 8);
        ASSERT_EQ(stamp, cell.stamps[i]);
      }
    }
  }

  static void stamp(std::byte* page, std::uint64_t value) {
    for (std::size_t at = 0; at < kPageSize; at += 8) std::memcpy(page + at, &value, 8);
  }

  Failure write(Cell& cell, PageMask mask, std::uint64_t value) {
    FrameGrant grant;
    bool short_of_frames = false;
    while (true) {
      const Failure failure = with_pin<std::unique_lock<std::shared_mutex>>(
          cell, Access::write, [&](Pin& pin) -> Failure {
            short_of_frames = false;
            check(cell, pin);
            for (unsigned i = 0; i < kPagesPerBlock; ++i) {
              if ((mask >> i & 1) == 0) continue;
              if (cell.stamps[i] == 0 && grant.size() == 0) {
                auto taken = store->try_take_frames(4);
                if (!taken && !taken.is(base::kWouldBlock)) return taken.error().value();
                if (!taken) {
                  short_of_frames = true;
                  return {};
                }
                grant = *std::move(taken);
              }
              stamp(cell.stamps[i] == 0 ? pin.add_page(i, grant, true) : pin.writable_page(i),
                    value);
              cell.stamps[i] = value;
            }
            return {};
          });
      if (failure || !short_of_frames) return failure;
      auto taken = store->take_frames(4);
      if (!taken) return taken.error().value();
      grant = *std::move(taken);
    }
  }

  Failure punch(Cell& cell, PageMask mask) {
    return with_pin<std::unique_lock<std::shared_mutex>>(
        cell, Access::write, [&](Pin& pin) -> Failure {
          pin.drop_pages(mask);
          for (unsigned i = 0; i < kPagesPerBlock; ++i) {
            if ((mask >> i & 1) != 0) cell.stamps[i] = 0;
          }
          return {};
        });
  }

  std::vector<Cell> cells_;
  std::atomic<bool> done_{false};
};

TEST(Stress, ReadersWritersAndDropsOnATinyBudgetSeeTheirOwnBytes) {
  Owners owners(64 << 20, 600);
  owners.run(8, false);
  EXPECT_GT(owners.store->stats().blocks_spilled, 0U);
  owners.verify_all();
  owners.expect_empty_after_drop();
}

TEST(Stress, ADiskThatComesAndGoesLosesNothingThatWasAccepted) {
  Owners owners(64 << 20, 600);
  std::atomic<bool> stop{false};
  std::thread saboteur([&] {
    for (int i = 0; !stop; ++i) {
      owners.disk.fail_writes(i % 2 == 0 ? ENOSPC : EIO);
      std::this_thread::sleep_for(5ms);
      owners.disk.fail_writes({});
      owners.disk.fail_reads(EIO);
      std::this_thread::sleep_for(2ms);
      owners.disk.fail_reads({});
      std::this_thread::sleep_for(10ms);
    }
  });
  owners.run(6, true);
  stop = true;
  saboteur.join();
  owners.verify_all();
  owners.expect_empty_after_drop();
}

TEST(Stress, AFullSpillFileGivesEnospcAndNothingElse) {
  Owners owners(12 << 20, 600);
  owners.run(6, true);
  EXPECT_LE(owners.store->stats().spilled, std::uint64_t{12} << 20);
  owners.verify_all();
  owners.expect_empty_after_drop();
}

TEST(Stress, SixtyFourWaitersEachWithAPinnedBlockAllComeThrough) {
  FakeDisk disk;
  disk.delay_each_request(2ms);
  auto store = *Store::create({.memory = kMinBudget, .spill = 256 << 20, .spill_directory = &disk});
  std::vector<std::thread> threads;
  for (int i = 0; i < 64; ++i) {
    threads.emplace_back([&] {
      // The previous block stays pinned while this thread waits for frames for the next one.
      Pin pinned;
      std::vector<BlockPtr> blocks;
      for (int round = 0; round < 12; ++round) {
        auto grant = store->take_frames(kPagesPerBlock);
        ASSERT_TRUE(grant) << grant.error().value();
        blocks.push_back(store->new_block());
        auto next = store->pin(*blocks.back(), Access::write);
        ASSERT_TRUE(next);
        for (unsigned page = 0; page < kPagesPerBlock; ++page) next->add_page(page, *grant, false);
        pinned = *std::move(next);
      }
      for (const BlockPtr& block : blocks) {
        const Hold hold = store->hold(*block);
        auto fetched = store->fetch(hold, Access::write);
        ASSERT_TRUE(fetched) << fetched.error().value();
        pinned = *std::move(fetched);
      }
      pinned = Pin();
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_TRUE(soon([&] { return store->stats().memory_used == 0; })) << store->stats().memory_used;
}

}  // namespace
}  // namespace scratchfs::store

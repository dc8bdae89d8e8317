// Runs random operations on scratchfs and on tmpfs in several concurrent processes and compares all
// that they show. A run that fails is shrunk and reported as a list of operations.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <chrono>
#include <cstdlib>
#include <string>
#include <vector>

#include "tests/mounted/harness/child.h"
#include "tests/mounted/harness/environment.h"
#include "tests/mounted/harness/look.h"
#include "tests/mounted/harness/mount.h"
#include "tests/stress/model_run.h"

namespace scratchfs::harness {
namespace {

using std::chrono::steady_clock;

constexpr unsigned kProcesses = 3;
constexpr std::size_t kOperations = 400;  // per run; the next run starts in a new directory
constexpr std::chrono::seconds kShrinking{120};

unsigned number_from(const char* variable, unsigned otherwise) {
  const char* text = std::getenv(variable);
  return text == nullptr ? otherwise : static_cast<unsigned>(std::strtoul(text, nullptr, 10));
}

class Model : public testing::TestWithParam<std::tuple<Transport, Kind>> {
 protected:
  void SetUp() override {
    // A failure also needs time to shrink the run.
    allow_seconds(seconds_ + 60 + static_cast<double>(kShrinking.count()));
  }

  std::optional<Difference> attempt(const std::vector<Operation>& operations, unsigned process) {
    const std::string name = "run" + std::to_string(process);
    World model(tmpfs_ / name, World::Where::model);
    World scratchfs(mount_ / name, World::Where::scratchfs);
    return compare_worlds(operations, model, scratchfs);
  }

  void report(std::vector<Operation> operations, unsigned process, unsigned seed,
              const Difference& first) {
    operations.resize(first.operation + 1);
    const auto fails = [&](const std::vector<Operation>& shorter) {
      return attempt(shorter, process).has_value();
    };
    operations = shrink(std::move(operations), fails, kShrinking);
    std::string text;
    for (const Operation& operation : operations) text += "  " + describe(operation) + "\n";
    const Difference last = attempt(operations, process).value_or(first);
    ADD_FAILURE() << "seed " << seed << " (SCRATCHFS_MODEL_SEED=" << seed << "), shortened to "
                  << operations.size() << " operations:\n"
                  << text << "after all but the last " << operations.size() - 1 - last.operation
                  << "\n tmpfs:\n"
                  << last.model << "\n scratchfs:\n"
                  << last.scratchfs;
  }

  // Runs with seeds of its own, one after another.
  void work(unsigned process) {
    umask(022);
    const auto end = steady_clock::now() + std::chrono::seconds(seconds_);
    for (unsigned seed = first_seed_ + process; steady_clock::now() < end; seed += kProcesses) {
      const auto operations = random_operations(std::get<Kind>(GetParam()), seed, kOperations);
      if (const auto difference = attempt(operations, process)) {
        return report(operations, process, seed, *difference);
      }
    }
  }

  const unsigned seconds_ = number_from("SCRATCHFS_MODEL_SECONDS", 15);
  const unsigned first_seed_ = number_from("SCRATCHFS_MODEL_SEED", 1);
  Tmpfs tmpfs_;
  Mount mount_{"lifetime=mount,create_mode=posix,memory=8M", std::get<Transport>(GetParam())};
};
INSTANTIATE_TEST_SUITE_P(All, Model,
                         testing::Combine(testing::Values(Transport::dev_fuse, Transport::io_uring),
                                          testing::Values(Kind::contents, Kind::names)),
                         [](const auto& test) {
                           return name_of(std::get<Transport>(test.param)) +
                                  (std::get<Kind>(test.param) == Kind::contents ? "_contents"
                                                                                : "_names");
                         });

TEST_P(Model, DoesWhatTmpfsDoes) {
  ASSERT_TRUE(mount_.alive());
  std::vector<Child> processes;
  for (unsigned i = 0; i < kProcesses; ++i) {
    processes.emplace_back(Who{}, [this, i](Channel&) { work(i); });
  }
  for (Child& process : processes) EXPECT_EQ(process.join(), 0);
  if (std::get<Kind>(GetParam()) == Kind::contents) {
    EXPECT_GT(status_of(mount_)["spill"]["blocks_spilled"], 0) << "only memory was tested";
  }
  EXPECT_EQ(charged_to(mount_, 0), Usage{}) << "everything is deleted, but still charged";
}

// Verifies that a difference is detected: otherwise the test above might pass without checking.
TEST(ModelRun, SeesADifferenceOfOneByte) {
  const Tmpfs tmpfs;
  World one(tmpfs / "one", World::Where::model);
  World other(tmpfs / "other", World::Where::model);
  const Operation make{.act = Act::open, .path = "a", .value = 1};
  const Operation write{.act = Act::write, .length = 1, .value = 1};
  EXPECT_FALSE(compare_worlds({make, write}, one, other).has_value());
  other.perform({.act = Act::write, .length = 1, .value = 2});
  EXPECT_TRUE(compare_worlds({{.act = Act::read, .length = 1}}, one, other).has_value());
  EXPECT_TRUE(compare_worlds({{.act = Act::stat, .path = "b"}}, one, other).has_value());
}

TEST(ModelRun, IsShortenedToWhatMatters) {
  auto operations = random_operations(Kind::contents, 1, 300);
  operations.insert(operations.begin() + 250, {.act = Act::truncate, .offset = 12345});
  operations.insert(operations.begin() + 31, {.act = Act::write, .offset = 54321});
  const auto left = shrink(
      operations,
      [](const std::vector<Operation>& list) {
        bool written = false;
        for (const Operation& one : list) {
          written = written || (one.act == Act::write && one.offset == 54321);
          if (written && one.act == Act::truncate && one.offset == 12345) return true;
        }
        return false;
      },
      std::chrono::seconds(30));
  ASSERT_EQ(left.size(), 2U);
  EXPECT_EQ(left[0].offset, 54321U);
  EXPECT_EQ(left[1].offset, 12345U);
}

}  // namespace
}  // namespace scratchfs::harness

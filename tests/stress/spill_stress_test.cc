// Spilling while the same files are truncated, punched, copied, read and deleted, and while the
// mount is being unmounted.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/falloc.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <random>
#include <thread>
#include <vector>

#include "tests/mounted/harness/child.h"
#include "tests/mounted/harness/environment.h"
#include "tests/mounted/harness/fd.h"
#include "tests/mounted/harness/look.h"
#include "tests/mounted/harness/mount.h"
#include "tests/mounted/harness/pace.h"
#include "tests/mounted/harness/parity.h"
#include "tests/units.h"

namespace scratchfs::harness {
namespace {

class SpillStress : public testing::TestWithParam<Transport> {
 protected:
  void SetUp() override { allow_seconds(90); }
  Mount mount_{"lifetime=mount,memory=16M", GetParam()};
};
INSTANTIATE_TEST_SUITE_P(Both, SpillStress,
                         testing::Values(Transport::dev_fuse, Transport::io_uring),
                         TransportName{});

// Every page is written whole with one byte value, so a reader must see zeros or a single value
// throughout.
TEST_P(SpillStress, TruncateDuringReadDuringSpill) {
  constexpr std::size_t kLargest = 48 * kMiB;
  const std::string path = mount_ / "f";
  const auto end = std::chrono::steady_clock::now() + kWhile;
  std::atomic<int> torn = 0;
  std::atomic<int> errors = 0;
  std::vector<std::thread> threads;
  const Fd file(open(path.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600));
  // Alone larger than the budget, so that the other file spills however often it is truncated.
  const Fd ballast(open((mount_ / "ballast").c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
  const std::string piece(kMiB, 'b');
  for (int i = 0; i < 24; ++i) {
    ASSERT_EQ(write(ballast.get(), piece.data(), piece.size()), static_cast<ssize_t>(piece.size()));
  }
  for (unsigned i = 0; i < 8; ++i) {
    threads.emplace_back([&, i] {
      std::mt19937 random(i);
      std::string data(16 * kPage, '\0');
      while (std::chrono::steady_clock::now() < end) {
        const off_t at = static_cast<off_t>(random() % (kLargest / kPage) * kPage);
        if (i < 3) {
          data.assign(data.size(), static_cast<char>(1 + random() % 100));
          errors += pwrite(file.get(), data.data(), data.size(), at) < 0 ? 1 : 0;
        } else if (i == 3 && random() % 8 == 0) {
          errors += ftruncate(file.get(), at) != 0 ? 1 : 0;
        } else if (i == 4) {
          constexpr int kPunch = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
          errors += fallocate(file.get(), kPunch, at, static_cast<off_t>(data.size())) != 0 ? 1 : 0;
        } else {
          const ssize_t got = pread(file.get(), data.data(), data.size(), at);
          errors += got < 0 ? 1 : 0;
          for (std::size_t page = 0; got > 0 && (page + 1) * kPage <= static_cast<std::size_t>(got);
               ++page) {
            const std::string_view bytes(data.data() + page * kPage, kPage);
            torn += bytes.find_first_not_of(bytes[0]) != std::string_view::npos ? 1 : 0;
          }
        }
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(errors, 0);
  EXPECT_EQ(torn, 0);
  EXPECT_GT(status_of(mount_)["spill"]["blocks_spilled"], 0);
  EXPECT_EQ(unlink(path.c_str()), 0);
}

TEST_P(SpillStress, FilesComeAndGoWhileTheySpill) {
  const auto end = std::chrono::steady_clock::now() + kWhile;
  std::atomic<int> wrong = 0;
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < 8; ++i) {
    threads.emplace_back([&, i] {
      std::mt19937 random(i);
      const std::string data = random_bytes(6 * kMiB, i);
      std::string back;
      while (std::chrono::steady_clock::now() < end) {
        const std::string path = mount_ / std::to_string(i);
        const Fd file(open(path.c_str(), O_CREAT | O_RDWR | O_TRUNC | O_CLOEXEC, 0600));
        const std::size_t size = 1 + random() % data.size();
        wrong += write(file.get(), data.data(), size) != static_cast<ssize_t>(size) ? 1 : 0;
        const std::size_t at = random() % size;
        back.assign(size - at, '\0');
        const ssize_t got = pread(file.get(), back.data(), back.size(), static_cast<off_t>(at));
        wrong +=
            got != static_cast<ssize_t>(back.size()) || data.compare(at, back.size(), back) != 0
                ? 1
                : 0;
        if (random() % 2 == 0) {
          unlink(path.c_str());
        }
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(wrong, 0);
}

TEST_P(SpillStress, LimitsChangeWhileUsersWrite) {
  const auto end = std::chrono::steady_clock::now() + kWhile;
  const std::string alice = std::to_string(kAlice);
  ASSERT_EQ(
      run({scratchfs_binary(), "quota", mount_.path(), "--user", alice, "--bytes", "1M"}).code, 0);
  std::vector<Child> writers;
  for (int i = 0; i < 4; ++i) {
    writers.emplace_back(as_user(kAlice), [&, i](Channel&) {
      const std::string data(100'000, 'x');
      const Fd file(open((mount_ / std::to_string(i)).c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600));
      while (std::chrono::steady_clock::now() < end) {
        if (write(file.get(), data.data(), data.size()) < 0) {
          EXPECT_EQ(errno_name(errno), "EDQUOT");
          EXPECT_EQ(ftruncate(file.get(), 0), 0);
          EXPECT_EQ(lseek(file.get(), 0, SEEK_SET), 0);
        }
      }
    });
  }
  for (int round = 0; std::chrono::steady_clock::now() < end; ++round) {
    const std::string limit = std::to_string(1 + round % 8) + "M";
    EXPECT_EQ(
        run({scratchfs_binary(), "quota", mount_.path(), "--user", alice, "--bytes", limit}).code,
        0);
  }
  for (Child& writer : writers) {
    writer.join();
  }
  EXPECT_EQ(charged_to(mount_, kAlice), found_of(mount_, kAlice));
}

// Unmounts under eight writers, in each of the abrupt ways.
TEST_P(SpillStress, UnmountingUnderLoad) {
  for (const char* how : {"lazy", "SIGTERM", "SIGKILL"}) {
    SCOPED_TRACE(how);
    Mount mount("lifetime=mount,memory=16M", GetParam());
    ASSERT_TRUE(mount.alive());
    std::vector<Child> writers;
    for (unsigned i = 0; i < 8; ++i) {
      writers.emplace_back(Who{}, [&, i](Channel& channel) {
        const std::string data = random_bytes(kMiB, i);
        const Fd file(
            open((mount / std::to_string(i)).c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600));
        channel.send("started");
        // Until the mount is gone or, after a lazy unmount, for a while.
        const unsigned rounds = slowness() == 1 ? 200 : 60;
        for (unsigned round = 0; round < rounds; ++round) {
          if (pwrite(file.get(), data.data(), data.size(), static_cast<off_t>(round % 10 * kMiB)) <
              0) {
            break;
          }
        }
      });
    }
    for (Child& writer : writers) {
      writer.receive();
    }
    if (how == std::string_view("lazy")) {
      EXPECT_EQ(umount2(mount.path().c_str(), MNT_DETACH), 0);
    } else if (how == std::string_view("SIGTERM")) {
      ::kill(mount.daemon(), SIGTERM);
    } else {
      mount.tolerate_exit_code(128 + SIGKILL);
      ::kill(mount.daemon(), SIGKILL);
    }
    for (Child& writer : writers) {
      EXPECT_EQ(writer.join(), 0);
    }
    mount.expect_gone();
  }
}

}  // namespace
}  // namespace scratchfs::harness

// Programs that wait for a stuck spill disk: how they can be interrupted, and that nothing else
// waits with them.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <string>
#include <vector>

#include "tests/mounted/harness/child.h"
#include "tests/mounted/harness/environment.h"
#include "tests/mounted/harness/fd.h"
#include "tests/mounted/harness/look.h"
#include "tests/mounted/harness/mount.h"
#include "tests/mounted/harness/pace.h"
#include "tests/mounted/harness/parity.h"
#include "tests/mounted/harness/proc.h"
#include "tests/mounted/harness/slow_disk.h"
#include "tests/units.h"

namespace scratchfs::harness {
namespace {

// The distance between two blocks that are read: read-ahead for one must not reach the other.
constexpr std::size_t kStride = 640 << 10;

struct Page {
  alignas(4096) char bytes[4096];
};

// A file four times the size of the memory; its first half is on the disk.
class Waiting : public testing::TestWithParam<Transport> {
 protected:
  Waiting() : Waiting("") {}
  explicit Waiting(const std::string& options)
      : mount_("lifetime=mount,memory=16M,spill_dir=" + disk_.path() + options, GetParam()) {}

  void SetUp() override {
    allow_seconds(120);
    const Fd file(open(path_.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    for (unsigned i = 0; i < kMebibytes; ++i) {
      const std::string data = random_bytes(kMiB, i);
      ASSERT_EQ(write(file.get(), data.data(), data.size()), static_cast<ssize_t>(data.size()));
    }
  }
  void TearDown() override {
    disk_.open_gate();
    disk_.open_gate_to_writes();
  }

  // Reads a page at `offset` past the page cache and returns the outcome.
  std::string read_page(std::size_t offset) const {
    const Fd file(open(path_.c_str(), O_RDONLY | O_DIRECT | O_CLOEXEC));
    static Page page;
    const ssize_t got =
        pread(file.get(), page.bytes, sizeof page.bytes, static_cast<off_t>(offset));
    if (got != static_cast<ssize_t>(sizeof page.bytes)) {
      return got < 0 ? errno_name(errno) : "short";
    }
    const std::string expected = random_bytes(kMiB, static_cast<unsigned>(offset / kMiB));
    return expected.compare(offset % kMiB, sizeof page.bytes, page.bytes, sizeof page.bytes) == 0
               ? "fine"
               : "other bytes";
  }
  // Starts a process that reads a page and sends the outcome; SIGINT only interrupts it.
  Child reader(std::size_t offset, Who who = {}) {
    Child child(who, [this, offset](Channel& channel) {
      struct sigaction interrupt {};
      interrupt.sa_handler = [](int) {};
      sigaction(SIGINT, &interrupt, nullptr);
      channel.send("ready");
      channel.send(read_page(offset));
    });
    child.receive();
    return child;
  }
  // Waits until `count` requests are parked, not counting those for the status itself.
  bool waiting(std::uint64_t count) const {
    return eventually([&] { return status_of(mount_)["transport"]["parked"] >= count; }, 20);
  }

  static constexpr unsigned kMebibytes = 64;
  SlowDisk disk_;
  Mount mount_;
  const std::string path_ = mount_ / "f";
};
INSTANTIATE_TEST_SUITE_P(Both, Waiting, testing::Values(Transport::dev_fuse, Transport::io_uring),
                         TransportName{});

TEST_P(Waiting, AReaderThatIsInterruptedGetsEintr) {
  disk_.close_gate();
  Child child = reader(0);
  ASSERT_TRUE(waiting(1));
  child.kill(SIGINT);
  EXPECT_EQ(child.receive(), "EINTR") << "while the disk has not answered yet";
  EXPECT_GT(disk_.reads_held_back(), 0);
  disk_.open_gate();
  EXPECT_EQ(read_page(0), "fine");
}

TEST_P(Waiting, AProgramWithATimerIsNotInterruptedWhileTheDiskWorks) {
  Child child(Who{}, [this](Channel& channel) {
    struct sigaction interrupt {};
    interrupt.sa_handler = [](int) {};
    interrupt.sa_flags = SA_RESTART;
    sigaction(SIGALRM, &interrupt, nullptr);
    const itimerval timer{.it_interval = {0, 300}, .it_value = {0, 300}};
    setitimer(ITIMER_REAL, &timer, nullptr);
    const Fd file(open(path_.c_str(), O_RDONLY | O_CLOEXEC));
    Page page;
    int failed = 0;
    constexpr int kBlocks = static_cast<int>(kMebibytes * kMiB / kStride);
    for (int i = 0; i < 4000; ++i) {
      const auto offset = static_cast<off_t>(i * 37 % kBlocks * static_cast<int>(kStride));
      if (pread(file.get(), page.bytes, sizeof page.bytes, offset) < 0) ++failed;
    }
    channel.send(std::to_string(failed) + " reads failed");
  });
  EXPECT_EQ(child.receive(), "0 reads failed");
}

TEST_P(Waiting, AReaderThatIsKilledIsGone) {
  disk_.close_gate();
  Child child = reader(0);
  ASSERT_TRUE(waiting(1));
  child.kill(SIGKILL);
  EXPECT_EQ(child.join(), 128 + SIGKILL);
  EXPECT_GT(disk_.reads_held_back(), 0);
}

TEST_P(Waiting, AWriterThatIsInterruptedLosesNothing) {
  disk_.close_gate_to_writes();
  Child child(Who{}, [this](Channel& channel) {
    struct sigaction interrupt {};
    interrupt.sa_handler = [](int) {};
    sigaction(SIGINT, &interrupt, nullptr);
    const Fd file(open((mount_ / "g").c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    const std::string data = random_bytes(32 * kMiB, 7);
    std::size_t taken = 0;
    while (taken < data.size()) {
      const ssize_t put = write(file.get(), data.data() + taken, data.size() - taken);
      if (put < 0) {
        break;
      }
      taken += static_cast<std::size_t>(put);
    }
    const std::string why = errno_name(errno);
    make_file((mount_ / "done").c_str(), "");
    channel.send(why);
    channel.send(std::to_string(taken));
  });
  ASSERT_TRUE(waiting(1));
  child.kill(SIGINT);
  // The write in progress may have been accepted in part; then the next one waits.
  ASSERT_TRUE(eventually(
      [&] {
        // A request that the ring's thread has not taken cannot be interrupted (docs/transport.md).
        if (status_of(mount_)["transport"]["parked"] >= 1) child.kill(SIGINT);
        return exists(mount_ / "done");
      },
      20));
  EXPECT_EQ(child.receive(), "EINTR");
  const std::size_t taken = std::stoul(child.receive());
  disk_.open_gate_to_writes();
  EXPECT_TRUE(bytes_of_file(mount_ / "g") == random_bytes(32 * kMiB, 7).substr(0, taken));
}

TEST_P(Waiting, UnmountingDoesNotWaitForWhoWaits) {
  disk_.close_gate();
  Child child = reader(0);
  ASSERT_TRUE(waiting(1));
  kill(mount_.daemon(), SIGTERM);
  // ECONNABORTED: the kernel closed the ring before it saw the reply.
  const std::string outcome = child.receive();
  EXPECT_TRUE(outcome == "ENOTCONN" || outcome == "ECONNABORTED") << outcome;
  EXPECT_GT(disk_.reads_held_back(), 0);
  disk_.open_gate();
  child.join();
  mount_.expect_gone();
}

TEST_P(Waiting, SixtyFourReadersOfOneCoreKeepNobodyElseThere) {
  constexpr unsigned kReaders = 64;
  make_file((mount_ / "small").c_str(), "small");
  disk_.close_gate();
  std::vector<Child> readers;
  for (unsigned i = 0; i < kReaders; ++i) {
    readers.push_back(reader(i * kStride, Who{.cpu = 0}));
  }
  ASSERT_TRUE(waiting(kReaders));
  constexpr int kRounds = 100;
  Child other(Who{.cpu = 0}, [&](Channel& channel) {
    for (int i = 0; i < kRounds; ++i) {
      EXPECT_TRUE(exists(mount_ / "small"));
      make_file((mount_ / "new").c_str(), "content");
      EXPECT_EQ(bytes_of_file(mount_ / "new"), "content");
      EXPECT_EQ(unlink((mount_ / "new").c_str()), 0);
      channel.send("done");
    }
  });
  for (int i = 0; i < kRounds; ++i) {
    ASSERT_EQ(other.receive(), "done");
  }
  EXPECT_GE(status_of(mount_)["transport"]["parked"], kReaders) << "all of them waited meanwhile";
  EXPECT_GT(disk_.reads_held_back(), 16) << "their reads do not run one by one";
  EXPECT_EQ(other.join(), 0);
  disk_.open_gate();
  for (Child& child : readers) {
    EXPECT_EQ(child.receive(), "fine");
  }
}

// A core's ring has 128 entries. The kernel counts the requests here: asking the daemon takes one.
class FullRing : public Waiting {
 protected:
  static constexpr int kEntries = 128;
  bool all_wait(int count) const {
    return eventually([&] { return waiting_requests(mount_.connection()) >= count; }, 20);
  }
  // Starts a process on that core that looks up a name of its own and reports when it has the
  // answer.
  Child asker(int cpu) const {
    return Child(Who{.cpu = cpu}, [this, cpu](Channel& channel) {
      EXPECT_FALSE(exists(mount_ / ("no-" + std::to_string(cpu))));
      channel.send("answered");
    });
  }
};
INSTANTIATE_TEST_SUITE_P(Ring, FullRing, testing::Values(Transport::io_uring), TransportName{});

TEST_P(FullRing, TheNextRequestWaitsForOneAnswerAndOtherCoresForNone) {
  ASSERT_GE(cpu_count(), 2) << "this test needs two cores";
  disk_.close_gate();
  // A request that the ring's thread has not taken cannot be interrupted (docs/transport.md). It
  // has certainly taken the first.
  Child first = reader(0, Who{.cpu = 0});
  std::vector<Child> readers;
  for (std::size_t i = 1; i < kEntries; ++i) {
    readers.push_back(reader(i * kStride / 2, Who{.cpu = 0}));
  }
  ASSERT_TRUE(all_wait(kEntries));
  Child next = asker(0);
  ASSERT_TRUE(all_wait(kEntries + 1));
  Child elsewhere = asker(1);
  EXPECT_EQ(elsewhere.receive(), "answered");
  EXPECT_EQ(waiting_requests(mount_.connection()), kEntries + 1);
  first.kill(SIGINT);
  EXPECT_EQ(next.receive(), "answered");
  EXPECT_EQ(first.receive(), "EINTR");
  disk_.open_gate();
  for (Child& child : readers) {
    EXPECT_EQ(child.receive(), "fine");
  }
}

// Over io_uring a request also has a deadline, because it occupies a ring entry.
class Deadline : public Waiting {
 protected:
  Deadline() : Waiting(",spill_timeout=1") { mount_.tolerate("spill: no answer"); }
};
INSTANTIATE_TEST_SUITE_P(Ring, Deadline, testing::Values(Transport::io_uring), TransportName{});

TEST_P(Deadline, AReaderGetsEioAndTheNextOneItsBytes) {
  disk_.close_gate();
  const long long reads = disk_.reads();
  EXPECT_EQ(read_page(0), "EIO");
  EXPECT_EQ(disk_.reads(), reads + 1);
  disk_.open_gate();
  ASSERT_TRUE(eventually([&] { return read_page(0) == "fine"; }, 10));
  EXPECT_EQ(disk_.reads(), reads + 1) << "the block that was given up was read all the same";
}

TEST_P(Deadline, WhatTakesLongGoesOnAsLongAsTheDiskDoes) {
  disk_.delay_reads(150);
  disk_.delay_writes(150);
  const Fd from(open(path_.c_str(), O_RDONLY | O_CLOEXEC));
  const Fd to(open((mount_ / "g").c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600));
  const std::size_t bytes = 24 * kMiB;
  const auto begun = std::chrono::steady_clock::now();
  EXPECT_EQ(copy_file_range(from.get(), nullptr, to.get(), nullptr, bytes, 0),
            static_cast<ssize_t>(bytes))
      << errno_name(errno);
  EXPECT_GT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(1));
}

TEST_P(Deadline, AWriterGetsEioAndLosesNothing) {
  disk_.close_gate_to_writes();
  const Fd file(open((mount_ / "g").c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
  const std::string data = random_bytes(32 * kMiB, 7);
  std::size_t taken = 0;
  ssize_t put = 0;
  while (taken < data.size() &&
         (put = write(file.get(), data.data() + taken, data.size() - taken)) > 0) {
    taken += static_cast<std::size_t>(put);
  }
  EXPECT_EQ(put, -1);
  EXPECT_EQ(errno_name(errno), "EIO");
  disk_.open_gate_to_writes();
  EXPECT_TRUE(bytes_of_file(mount_ / "g") == data.substr(0, taken));
  ASSERT_EQ(pwrite(file.get(), data.data(), data.size(), 0), static_cast<ssize_t>(data.size()));
  EXPECT_TRUE(bytes_of_file(mount_ / "g") == data);
}

}  // namespace
}  // namespace scratchfs::harness

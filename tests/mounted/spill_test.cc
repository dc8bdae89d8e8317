// Contents larger than the memory budget: the same bytes come back, and no plaintext is on the
// disk.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/falloc.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <random>

#include "tests/mounted/harness/child.h"
#include "tests/mounted/harness/environment.h"
#include "tests/mounted/harness/fd.h"
#include "tests/mounted/harness/keeper.h"
#include "tests/mounted/harness/look.h"
#include "tests/mounted/harness/mount.h"
#include "tests/mounted/harness/pace.h"
#include "tests/mounted/harness/parity.h"
#include "tests/mounted/harness/proc.h"
#include "tests/mounted/harness/slow_disk.h"
#include "tests/units.h"

namespace scratchfs::harness {
namespace {

constexpr std::size_t kBudget = 16 * kMiB;
constexpr std::string_view kPattern = "this is plaintext that no disk may ever see";

// Returns data that differs from block to block and has kPattern in each KiB.
std::string chunk(unsigned seed) {
  std::string data = random_bytes(kMiB, seed);
  for (std::size_t i = 0; i < data.size(); i += 1024) {
    data.replace(i + seed % 64, kPattern.size(), kPattern);
  }
  return data;
}

void write_chunks(const std::string& path, unsigned seed, unsigned count) {
  const Fd file(open(path.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
  for (unsigned i = 0; i < count; ++i) {
    const std::string data = chunk(seed + i);
    ASSERT_EQ(write(file.get(), data.data(), data.size()), static_cast<ssize_t>(data.size()))
        << errno_name(errno);
  }
}

void expect_chunks(const std::string& path, unsigned seed, unsigned count) {
  const Fd file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::string data(kMiB, '\0');
  for (unsigned i = 0; i < count; ++i) {
    ASSERT_EQ(pread(file.get(), data.data(), kMiB, static_cast<off_t>(i * kMiB)),
              static_cast<ssize_t>(kMiB));
    ASSERT_TRUE(data == chunk(seed + i)) << path << ", MiB " << i;
  }
}

// Reopens the daemon's descriptors of files in `directory` for reading.
std::vector<Fd> spill_files(const Mount& mount, const std::string& directory) {
  std::vector<Fd> files;
  const std::string fds = "/proc/" + std::to_string(mount.daemon()) + "/fd";
  for (const auto& entry : std::filesystem::directory_iterator(fds)) {
    std::error_code gone;
    const std::string target = std::filesystem::read_symlink(entry.path(), gone);
    struct stat info {};
    if (target.starts_with(directory) && stat(entry.path().c_str(), &info) == 0 &&
        S_ISREG(info.st_mode)) {
      EXPECT_EQ(info.st_nlink, 0U) << target << " has a name";
      files.emplace_back(open(entry.path().c_str(), O_RDONLY | O_CLOEXEC));
      EXPECT_TRUE(files.back().valid()) << target << ": " << errno_name(errno);
    }
  }
  return files;
}

// Returns the number of bytes searched. Fails the test if they contain kPattern or a long part of
// it.
std::size_t search_for_plaintext(const Fd& file) {
  std::string data(4 * kMiB, '\0');
  std::size_t seen = 0;
  const std::string_view part = kPattern.substr(0, 16);
  ssize_t got = 0;
  // Windows overlap, so that no match is missed at an edge.
  for (off_t at = 0; (got = pread(file.get(), data.data(), data.size(), at)) > 0;
       at += 3 * static_cast<off_t>(kMiB)) {
    const std::string_view window(data.data(), static_cast<std::size_t>(got));
    seen += window.size();
    if (window.find(part) != std::string_view::npos) {
      ADD_FAILURE() << "plaintext in a spill file near offset " << at;
      return seen;
    }
  }
  return seen;
}

class Spill : public testing::TestWithParam<Transport> {
 protected:
  void SetUp() override { allow_seconds(120); }
  const std::string directory_ = make_directory("spill");
  Mount mount_{"lifetime=mount,memory=16M,spill_dir=" + directory_, GetParam()};
  std::uint64_t spilled() const { return status_of(mount_)["spill"]["used"]; }
};
INSTANTIATE_TEST_SUITE_P(Both, Spill, testing::Values(Transport::dev_fuse, Transport::io_uring),
                         TransportName{});

TEST_P(Spill, FourTimesTheBudgetComesBackFromOneProcess) {
  write_chunks(mount_ / "f", 1, 64);
  EXPECT_GE(spilled(), 3 * kBudget * 9 / 10);
  expect_chunks(mount_ / "f", 1, 64);
  expect_chunks(mount_ / "f", 1, 64);
}

TEST_P(Spill, FourTimesTheBudgetComesBackFromEightProcesses) {
  std::vector<Child> children;
  for (unsigned i = 0; i < 8; ++i) {
    children.emplace_back(Who{}, [&, i](Channel&) {
      const std::string path = mount_ / ("f" + std::to_string(i));
      write_chunks(path, 100 * i, 8);
      expect_chunks(path, 100 * i, 8);
    });
  }
  for (Child& child : children) {
    EXPECT_EQ(child.join(), 0);
  }
  EXPECT_GT(spilled(), 0U);
  for (unsigned i = 0; i < 8; ++i) {
    expect_chunks(mount_ / ("f" + std::to_string(i)), 100 * i, 8);
  }
}

TEST_P(Spill, NoPlaintextIsInAnySpillFile) {
  write_chunks(mount_ / "f", 1, 64);
  const auto files = spill_files(mount_, directory_);
  ASSERT_FALSE(files.empty());
  std::size_t seen = 0;
  for (const Fd& file : files) {
    seen += search_for_plaintext(file);
  }
  EXPECT_GE(seen, 2 * kBudget) << "the spill files hold too little to search";
}

TEST_P(Spill, SpillFilesHaveNoNames) {
  write_chunks(mount_ / "f", 1, 32);
  EXPECT_GT(spilled(), 0U);
  EXPECT_TRUE(names_in(directory_).empty());
}

TEST_P(Spill, DeletedContentsGiveTheDiskBack) {
  write_chunks(mount_ / "f", 1, 64);
  EXPECT_GT(spilled(), 0U);
  ASSERT_EQ(unlink((mount_ / "f").c_str()), 0);
  EXPECT_TRUE(eventually([&] { return spilled() == 0; }, 5)) << spilled();
  const auto on_disk = [&] {
    long long bytes = 0;
    for (const Fd& file : spill_files(mount_, directory_)) {
      struct stat info {};
      fstat(file.get(), &info);
      bytes += info.st_blocks * 512LL;
    }
    return bytes;
  };
  EXPECT_TRUE(eventually([&] { return on_disk() < static_cast<long long>(kMiB); }, 5)) << on_disk();
}

TEST_P(Spill, TruncatedAndPunchedContentsGiveTheDiskBack) {
  write_chunks(mount_ / "f", 1, 64);
  const std::uint64_t before = spilled();
  const Fd file(open((mount_ / "f").c_str(), O_RDWR | O_CLOEXEC));
  ASSERT_EQ(fallocate(file.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 8 * kMiB, 16 * kMiB),
            0);
  EXPECT_TRUE(eventually([&] { return spilled() + 14 * kMiB < before; }, 5))
      << before << " " << spilled();
  ASSERT_EQ(ftruncate(file.get(), 4 * kMiB), 0);
  EXPECT_TRUE(eventually([&] { return spilled() <= 4 * kMiB; }, 5)) << spilled();
  expect_chunks(mount_ / "f", 1, 4);
}

TEST_P(Spill, ManySmallFilesComeBack) {
  constexpr int kFiles = 3000;
  const std::string data = random_bytes(kFiles + 12'000, 1);
  for (int i = 0; i < kFiles; ++i) {
    make_file((mount_ / std::to_string(i)).c_str(),
              data.substr(static_cast<std::size_t>(i), 12'000));
  }
  EXPECT_GT(spilled(), 0U);
  for (int i = 0; i < kFiles; i += 7) {
    ASSERT_TRUE(bytes_of_file(mount_ / std::to_string(i)) ==
                data.substr(static_cast<std::size_t>(i), 12'000))
        << i;
  }
}

// A file that one process changes at random, with a model of its expected content.
class ModelledFile {
 public:
  ModelledFile(std::string path, unsigned seed)
      : path_(std::move(path)),
        seed_(seed),
        random_(seed),
        source_(random_bytes(kMiB, seed)),
        file_(open(path_.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600)) {}

  void change(int rounds) {
    write_at(0, kMiB);
    for (round_ = 0; round_ < rounds && !testing::Test::HasFailure(); ++round_) {
      const std::size_t at = below(kLargest);
      const std::size_t length = 1 + below(300'000);
      const std::size_t kind = below(32);
      if (kind == 0) {
        truncate_to(at);
      } else if (kind < 4) {
        punch(at, length);
      } else if (kind < 18) {
        write_at(at, length);
      } else {
        read_at(at, length);
      }
    }
    EXPECT_TRUE(bytes_of_file(path_) == model_) << "seed " << seed_;
  }

 private:
  static constexpr std::size_t kLargest = 8 * kMiB;

  std::size_t below(std::size_t limit) { return random_() % limit; }

  void truncate_to(std::size_t size) {
    EXPECT_EQ(ftruncate(file_.get(), static_cast<off_t>(size)), 0);
    model_.resize(size);
  }

  void punch(std::size_t at, std::size_t length) {
    constexpr int kPunch = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
    EXPECT_EQ(fallocate(file_.get(), kPunch, static_cast<off_t>(at), static_cast<off_t>(length)),
              0);
    if (at < model_.size()) {
      const std::size_t cut = std::min(length, model_.size() - at);
      model_.replace(at, cut, cut, '\0');
    }
  }

  void write_at(std::size_t at, std::size_t length) {
    EXPECT_EQ(pwrite(file_.get(), source_.data(), length, static_cast<off_t>(at)),
              static_cast<ssize_t>(length));
    model_.resize(std::max(model_.size(), at + length));
    model_.replace(at, length, source_, 0, length);
    std::swap(source_[below(kMiB)], source_[below(kMiB)]);
  }

  void read_at(std::size_t at, std::size_t length) {
    std::string buffer(length, '?');
    const std::size_t expected = at < model_.size() ? std::min(length, model_.size() - at) : 0;
    EXPECT_EQ(pread(file_.get(), buffer.data(), length, static_cast<off_t>(at)),
              static_cast<ssize_t>(expected));
    EXPECT_TRUE(model_.compare(std::min(at, model_.size()), expected, buffer, 0, expected) == 0)
        << "seed " << seed_ << " round " << round_ << " at " << at << " length " << length;
  }

  const std::string path_;
  const unsigned seed_;
  std::mt19937 random_;
  std::string source_;
  const Fd file_;
  std::string model_;
  int round_ = 0;
};

TEST_P(Spill, RandomChangesAreThoseOfAModel) {
  const int rounds = slowness() == 1 ? 800 : 150;
  std::vector<Child> children;
  for (unsigned i = 0; i < 8; ++i) {
    children.emplace_back(Who{}, [&, i](Channel&) {
      ModelledFile(mount_ / ("f" + std::to_string(i)), 17 * i + 1).change(rounds);
    });
  }
  for (Child& child : children) {
    child.join();
  }
  EXPECT_GT(status_of(mount_)["spill"]["blocks_spilled"], 0);
}

// At each place readers see one of the versions written there, never a mixture within a page.
TEST_P(Spill, ReadersAndWritersOfOneFileSeeWholePages) {
  constexpr std::size_t kPages = 12'000;  // three times the budget
  const std::string path = mount_ / "f";
  {
    const Fd file(open(path.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600));
    std::string data(kPages * kPage, 'a');
    ASSERT_EQ(write(file.get(), data.data(), data.size()), static_cast<ssize_t>(data.size()));
  }
  const int rounds = slowness() == 1 ? 8000 : 1000;
  std::vector<Child> children;
  for (unsigned i = 0; i < 4; ++i) {
    children.emplace_back(Who{}, [&, i](Channel&) {
      const Fd file(open(path.c_str(), O_RDWR | O_CLOEXEC));
      unsigned random = i + 1;
      std::string page(kPage, '\0');
      for (int round = 0; round < rounds; ++round) {
        random = random * 1664525 + 1013904223;
        const off_t at = static_cast<off_t>((random >> 7) % kPages * kPage);
        if (i % 2 == 0) {
          page.assign(kPage, static_cast<char>('a' + round % 26));
          ASSERT_EQ(pwrite(file.get(), page.data(), kPage, at), static_cast<ssize_t>(kPage));
        } else {
          ASSERT_EQ(pread(file.get(), page.data(), kPage, at), static_cast<ssize_t>(kPage));
          ASSERT_EQ(page.find_first_not_of(page[0]), std::string::npos) << "a torn page at " << at;
        }
      }
    });
  }
  for (Child& child : children) {
    child.join();
  }
}

class Allocating : public testing::TestWithParam<Transport> {};
INSTANTIATE_TEST_SUITE_P(Both, Allocating,
                         testing::Values(Transport::dev_fuse, Transport::io_uring),
                         TransportName{});

TEST_P(Allocating, SixteenGibibytesNeedNeitherMemoryNorTheDisk) {
  constexpr off_t kLarge = 16LL << 30;
  SlowDisk disk;
  disk.close_gate();
  disk.close_gate_to_writes();
  {
    Mount mount("lifetime=mount,memory=64M,spill=20G,spill_dir=" + disk.path(), GetParam());
    mount.tolerate("-o spill=20G: only");  // this much may not be free here
    const Fd file(open((mount / "f").c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600));
    ASSERT_EQ(fallocate(file.get(), 0, 0, kLarge), 0) << errno_name(errno);
    struct stat info {};
    ASSERT_EQ(fstat(file.get(), &info), 0);
    EXPECT_EQ(info.st_size, kLarge);
    EXPECT_EQ(info.st_blocks * 512, kLarge);
    const std::string data = random_bytes(kMiB, 1);
    ASSERT_EQ(pwrite(file.get(), data.data(), kMiB, kLarge / 2), static_cast<ssize_t>(kMiB));
    std::string read(3 * kMiB, 'x');
    ASSERT_EQ(pread(file.get(), read.data(), read.size(), kLarge / 2 - static_cast<off_t>(kMiB)),
              static_cast<ssize_t>(read.size()));
    EXPECT_TRUE(read == std::string(kMiB, '\0') + data + std::string(kMiB, '\0'));
    EXPECT_LT(status_kb(mount.daemon(), "VmRSS"), (sanitized() ? 256 : 64) * 1024);
    EXPECT_EQ(ftruncate(file.get(), 0), 0);
  }
  EXPECT_EQ(disk.writes(), 0);
  EXPECT_EQ(disk.allocated_bytes(), 0);
}

TEST(SpillOff, NothingIsSpilledWhereThatIsForbidden) {
  const std::string directory = make_directory("spill");
  const Mount mount("lifetime=mount,memory=16M,spill=0,spill_dir=" + directory);
  const Fd file(open((mount / "f").c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600));
  const std::string data = chunk(1);
  while (write(file.get(), data.data(), data.size()) > 0) {
  }
  EXPECT_EQ(errno_name(errno), "ENOSPC");
  EXPECT_TRUE(spill_files(mount, directory).empty());
}

}  // namespace
}  // namespace scratchfs::harness

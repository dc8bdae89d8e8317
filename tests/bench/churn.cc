// Measures the fragmentation of the spill files after random changes: files of all sizes are
// created, deleted, extended, truncated, punched and overwritten, with a budget that is a small
// part of them. The amount of content rises and falls.
//
// Prints a line at intervals: the amount of content, how much of it is in slots, how much of the
// disk these take, the length of the spill files, the number of extents that the file system stores
// them in, and the number of changes made. Then prints the largest ratio of disk space to content
// in slots.
//
// usage: scratchfs_churn DIRECTORY [SECONDS [SEED]]
#include <fmt/format.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "fs/base/os_file.h"
#include "fs/content/content.h"
#include "fs/quota/ledger.h"
#include "fs/store/store.h"
#include "tests/units.h"

namespace {

namespace base = scratchfs::base;
namespace content = scratchfs::content;
namespace quota = scratchfs::quota;
namespace store = scratchfs::store;
using scratchfs::kMiB;

using Clock = std::chrono::steady_clock;

constexpr std::uint64_t kBudget = 32 * kMiB;
constexpr std::uint64_t kMost = 512 * kMiB;  // of content
constexpr std::uint64_t kLeast = 128 * kMiB;
constexpr std::uint64_t kLargest = 4 * kMiB;  // of one file
constexpr double kWave = 60;                  // seconds from one maximum to the next
constexpr int kLines = 40;

void must(bool fine, const char* what) {
  if (fine) return;
  fmt::print(stderr, "scratchfs_churn: {} failed\n", what);
  std::exit(1);
}

struct File {
  File(store::Store& blocks, quota::Ledger& ledger)
      : charge(ledger, ledger.account(0)), bytes(blocks, charge) {}
  quota::Charge charge;
  content::Content bytes;
};

class Churn {
 public:
  Churn(store::Store& blocks, std::uint64_t seed)
      : blocks_(blocks), random_(seed), data_(kLargest) {
    for (std::byte& byte : data_) byte = static_cast<std::byte>(random_());
  }

  // Makes one random change. While there is less content than `wanted`, most changes add content.
  void change(std::uint64_t wanted) {
    ++changes_;
    const bool grow = total() < wanted;
    const std::uint64_t kind = below(10);
    if (files_.empty() || (grow && kind < 6)) return create();
    if (!grow && kind < 6) return remove();
    File& file = *files_[below(files_.size())];
    const std::uint64_t size = std::max<std::uint64_t>(file.bytes.size(), 1);
    const std::uint64_t at = below(size);
    const std::uint64_t length = 1 + below(std::min<std::uint64_t>(size, kMiB));
    if (kind == 6)
      return must(static_cast<bool>(file.bytes.truncate(at, base::Wait::yes)), "truncate");
    if (kind == 7)
      return must(static_cast<bool>(file.bytes.punch(at, length, base::Wait::yes)), "punch");
    write(file, at, length);
  }

  std::uint64_t total() { return ledger_.total().bytes; }
  std::uint64_t changes() const { return changes_; }

 private:
  std::uint64_t below(std::uint64_t limit) { return random_() % limit; }

  // Most files are small, but most bytes are in large ones.
  std::uint64_t some_size() {
    const double exponent = std::uniform_real_distribution<>(9, 22)(random_);
    return static_cast<std::uint64_t>(std::exp2(exponent));
  }

  void create() {
    files_.push_back(std::make_unique<File>(blocks_, ledger_));
    write(*files_.back(), 0, some_size());
  }

  void remove() {
    std::swap(files_[below(files_.size())], files_.back());
    files_.pop_back();
  }

  void write(File& file, std::uint64_t at, std::uint64_t length) {
    const auto put = file.bytes.write(std::span(data_).first(length), at, base::Wait::yes);
    must(put && *put == length, "write");
  }

  store::Store& blocks_;
  quota::Ledger ledger_{quota::Ledger::Options{}};
  std::mt19937_64 random_;
  std::vector<std::byte> data_;
  std::vector<std::unique_ptr<File>> files_;
  std::uint64_t changes_ = 0;
};

struct Disk {
  std::uint64_t length = 0;  // bytes
  std::uint64_t taken = 0;
  std::uint64_t pieces = 0;
};

std::uint64_t pieces_of(int fd) {
  auto map = fiemap();
  map.fm_length = FIEMAP_MAX_OFFSET;
  return ioctl(fd, FS_IOC_FIEMAP, &map) == 0 ? map.fm_mapped_extents : 0;
}

// Sums up this process's unnamed files in `directory`; no other process has any there.
Disk disk_of(const std::string& directory) {
  Disk sum;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    std::error_code gone;
    struct stat info {};
    const std::string target = std::filesystem::read_symlink(entry.path(), gone);
    const int fd = std::atoi(entry.path().filename().c_str());
    if (gone || !target.starts_with(directory) || fstat(fd, &info) != 0 || !S_ISREG(info.st_mode))
      continue;
    sum.length += static_cast<std::uint64_t>(info.st_size);
    sum.taken += static_cast<std::uint64_t>(info.st_blocks) * 512;
    sum.pieces += pieces_of(fd);
  }
  return sum;
}

double mebibytes(std::uint64_t bytes) {
  return static_cast<double>(bytes) / static_cast<double>(kMiB);
}

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    fmt::print(stderr, "usage: scratchfs_churn DIRECTORY [SECONDS [SEED]]\n");
    return 2;
  }
  const std::string path = std::filesystem::canonical(argv[1]);
  const double length = argc > 2 ? std::atof(argv[2]) : 60;
  const std::uint64_t seed = argc > 3 ? std::strtoull(argv[3], nullptr, 10) : 1;
  auto directory = base::open_directory(path);
  must(static_cast<bool>(directory), "opening the directory");
  auto blocks = store::Store::create(
      {.memory = kBudget, .spill = 4 * kMost, .spill_directory = directory->get()});
  must(static_cast<bool>(blocks), "making the store");

  fmt::print("seconds  content  in slots  on disk  length  pieces  changes\n");
  double most = 0;
  {
    Churn churn(**blocks, seed);
    const auto start = Clock::now();
    double next = 0;
    for (double now = 0; now < length; now = seconds_since(start)) {
      const double wave = (1 + std::cos(now / kWave * 2 * M_PI)) / 2;
      churn.change(kLeast + static_cast<std::uint64_t>(wave * static_cast<double>(kMost - kLeast)));
      if (now < next) continue;
      next += length / kLines;
      const Disk disk = disk_of(path);
      const std::uint64_t used = (*blocks)->stats().spilled;
      if (used >= kLeast / 2) {
        most = std::max(most, static_cast<double>(disk.taken) / static_cast<double>(used));
      }
      fmt::print("{:7.0f} {:8.0f} {:9.0f} {:8.0f} {:7.0f} {:7} {:8}\n", now,
                 mebibytes(churn.total()), mebibytes(used), mebibytes(disk.taken),
                 mebibytes(disk.length), disk.pieces, churn.changes());
      std::fflush(stdout);
    }
  }
  fmt::print("at most {:.2f} bytes on the disk for each in slots\n", most);
  return 0;
}

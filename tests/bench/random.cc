// Random 4 KiB reads and writes, by one process and by four.
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <exception>
#include <span>
#include <stdexcept>

#include "tests/bench/files.h"
#include "tests/bench/processes.h"
#include "tests/bench/work.h"

namespace scratchfs::bench {

namespace {

std::size_t file_size(const Place& place) { return place.quick ? 32 * kMiB : 128 * kMiB; }

// Yields each number from 0 to count-1 once, in an order that defeats read-ahead. REQUIRES: count
// is a power of two.
class Shuffled {
 public:
  Shuffled(std::size_t count, std::size_t seed) : mask_(count - 1), at_(seed & mask_) {}
  std::size_t next() {
    at_ = (at_ * 1664525U + 1013904223U) & mask_;
    return at_;
  }

 private:
  std::size_t mask_;
  std::size_t at_;
};

enum class Direction { read, write };

void touch_all(const std::string& name, std::size_t size, Direction direction, unsigned seed) {
  Bytes bytes(kBlock);
  File file(name, direction == Direction::read ? O_RDONLY : O_RDWR);
  Shuffled order(size / kBlock, seed);
  for (std::size_t i = 0; i < size / kBlock; ++i) {
    const std::uint64_t at = order.next() * kBlock;
    if (direction == Direction::read) {
      file.read_at(bytes.all(), at);
    } else {
      file.write_at(bytes.all(), at);
    }
  }
}

// Returns the rate of all jobs together, in thousands of operations per second. Each job touches
// each block of its file once.
double run_jobs(const std::vector<std::string>& files, std::size_t size, Direction direction) {
  const double taken = run_processes(files.size(), [&](std::size_t job) {
    touch_all(files[job], size, direction, static_cast<unsigned>(job * 977));
  });
  return static_cast<double>(files.size() * (size / kBlock)) / taken / 1e3;
}

std::vector<double> run_random(const Place& place) {
  const std::size_t size = file_size(place);
  const auto fresh = [&](const char* prefix, std::size_t count) {
    auto files = names(place.directory, prefix, count);
    for (const auto& file : files) write_new_file(file, size);
    return files;
  };
  const auto alone = fresh("alone", 1);
  const auto four = fresh("four", 4);
  const double read_alone = run_jobs(alone, size, Direction::read);
  const double read_four = run_jobs(four, size, Direction::read);
  const double write_alone = run_jobs(alone, size, Direction::write);
  const double write_four = run_jobs(four, size, Direction::write);
  const std::vector<std::string> same(4, alone[0]);
  return {read_alone, read_four, write_alone, write_four, run_jobs(same, size, Direction::write)};
}

}  // namespace

std::vector<Work> random_works() {
  constexpr Unit kRate = Unit::thousands_per_second;
  return {{.name = "random-4k",
           .group = "random",
           .figures = {{"random-read-1", "random 4 KiB reads, 1 job, read-only handle", kRate},
                       {"random-read-4",
                        "random 4 KiB reads, 4 jobs, a file each",
                        kRate,
                        {{1.6, "", "random-read-1"}}},
                       {"random-write-1", "random 4 KiB writes, 1 job, O_RDWR handle", kRate},
                       {"random-write-4",
                        "random 4 KiB writes, 4 jobs, a file each",
                        kRate,
                        {{1.6, "", "random-write-1"}}},
                       {"random-write-4-shared", "random 4 KiB writes, 4 jobs, one file", kRate}},
           .run = run_random,
           .pinned = false}};
}

}  // namespace scratchfs::bench

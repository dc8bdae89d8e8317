// A file four times the size of the mount's memory budget, compared with fio on the disk.
//
// fio's figures are reported as those of a mount named "fio" (scripts/bench.sh).
#include <fcntl.h>
#include <unistd.h>

#include <random>
#include <stdexcept>

#include "tests/bench/files.h"
#include "tests/bench/processes.h"
#include "tests/bench/timing.h"
#include "tests/bench/work.h"

namespace scratchfs::bench {

namespace {

constexpr std::uint64_t kTimesBudget = 4;
constexpr std::size_t kRandomBlock = 64 * kKiB;
constexpr std::size_t kQueueDepth = 8;

void forget_pages(const File& file) {
  const int error = posix_fadvise(file.fd(), 0, 0, POSIX_FADV_DONTNEED);
  if (error != 0) throw std::runtime_error("posix_fadvise failed");
}

double stream_in(const std::string& name, std::uint64_t size) {
  Bytes bytes(kMiB);
  File file(name, O_WRONLY | O_CREAT | O_EXCL);
  return gigabytes_per_second(size, seconds([&] {
                                write_through(file, bytes.all(), size);
                                file.close();
                              }));
}

double stream_out(const std::string& name, std::uint64_t size) {
  Bytes bytes(kMiB);
  File file(name, O_RDONLY);
  const double taken = seconds([&] { read_through(file, bytes.all(), size); });
  forget_pages(file);
  return gigabytes_per_second(size, taken);
}

// Reads with kQueueDepth processes, each with one read in flight. O_DIRECT measures the daemon
// instead of the kernel's cache.
double read_at_random(const std::string& name, std::uint64_t size) {
  const std::uint64_t blocks = size / kRandomBlock;
  const std::uint64_t each = blocks / 4 / kQueueDepth;
  const double taken = run_processes(kQueueDepth, [&](std::size_t job) {
    Bytes bytes(kRandomBlock);
    File file(name, O_RDONLY | O_DIRECT);
    std::mt19937_64 random(job);
    for (std::uint64_t i = 0; i < each; ++i) {
      file.read_at(bytes.all(), random() % blocks * kRandomBlock);
    }
  });
  return gigabytes_per_second(each * kQueueDepth * kRandomBlock, taken);
}

std::vector<double> run_spill(const Place& place) {
  if (place.budget == 0) throw std::runtime_error("this work needs --budget");
  const std::uint64_t size = kTimesBudget * place.budget;
  const double in = stream_in(place / "large", size);
  const double out = stream_out(place / "large", size);
  return {in, out, read_at_random(place / "large", size)};
}

}  // namespace

std::vector<Work> spill_works() {
  return {{.name = "spill",
           .group = "spill",
           .figures = {{"spill-write",
                        "write 4 times the budget in 1 MiB calls",
                        Unit::gigabytes_per_second,
                        {{0.85, "fio"}}},
                       {"spill-read",
                        "read them back in 1 MiB calls",
                        Unit::gigabytes_per_second,
                        {{0.85, "fio"}}},
                       {"spill-random-read",
                        "random 64 KiB reads of them, 8 at a time",
                        Unit::gigabytes_per_second,
                        {{0.7, "fio"}}}},
           .run = run_spill,
           .pinned = false,
           .usual = false}};
}

}  // namespace scratchfs::bench

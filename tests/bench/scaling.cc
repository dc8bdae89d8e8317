// The same work by one process and by two, each on its own core: shows contention between cores.
#include <sys/stat.h>
#include <unistd.h>

#include <stdexcept>

#include "tests/bench/files.h"
#include "tests/bench/processes.h"
#include "tests/bench/work.h"

namespace scratchfs::bench {

namespace {

constexpr std::size_t kBlocks = 4096;  // of each file

// The work of one process: repeats an operation `times` times in a directory of its own.
using Loop = void (*)(const std::string& directory, std::size_t times);

void write_over(const std::string& directory, std::size_t times) {
  Bytes bytes(kBlock);
  File file(directory + "/file", O_RDWR);
  for (std::size_t i = 0; i < times; ++i) file.write_at(bytes.all(), i % kBlocks * kBlock);
}

// Through a handle opened for writing, so that each read becomes a request.
void read_back(const std::string& directory, std::size_t times) {
  Bytes bytes(kBlock);
  File file(directory + "/file", O_RDWR);
  for (std::size_t i = 0; i < times; ++i) file.read_at(bytes.all(), i % kBlocks * kBlock);
}

void make_temporary_files(const std::string& directory, std::size_t times) {
  Bytes bytes(kBlock);
  const std::string path = directory + "/temporary";
  for (std::size_t i = 0; i < times; ++i) {
    File file(path, O_RDWR | O_CREAT | O_EXCL);
    file.write_at(bytes.all(), 0);
    file.close();
    check(unlink(path.c_str()), "unlink");
  }
}

// Returns the rate of all processes together, in thousands per second.
double rate(const std::vector<std::string>& directories, Loop loop, std::size_t times) {
  const double taken = run_processes(directories.size(), [&](std::size_t job) {
    pin_to(static_cast<int>(job));
    loop(directories[job], times);
  });
  return static_cast<double>(directories.size() * times) / taken / 1e3;
}

std::vector<double> run_scaling(const Place& place) {
  if (sysconf(_SC_NPROCESSORS_ONLN) < 2) throw std::runtime_error("needs two cores");
  const auto two = names(place.directory, "core", 2);
  for (const std::string& directory : two) {
    check(mkdir(directory.c_str(), 0700), "mkdir");
    write_new_file(directory + "/file", kBlocks * kBlock);
  }
  const std::vector<std::string> one(two.begin(), two.begin() + 1);
  const std::size_t times = place.quick ? 20'000 : 100'000;
  std::vector<double> rates;
  for (const Loop loop : {write_over, read_back}) {
    for (const auto& cores : {one, two}) rates.push_back(rate(cores, loop, times));
  }
  for (const auto& cores : {one, two}) {
    rates.push_back(rate(cores, make_temporary_files, times / 5));
  }
  return rates;
}

}  // namespace

std::vector<Work> scaling_works() {
  constexpr Unit kRate = Unit::thousands_per_second;
  return {{.name = "scaling",
           .group = "scaling",
           .figures = {{"write-1-core", "pwrite 4 KiB over existing bytes, on one core", kRate},
                       {"write-2-cores",
                        "the same on two cores at once, a file each",
                        kRate,
                        {{1.6, "", "write-1-core"}}},
                       {"read-1-core", "pread 4 KiB through an O_RDWR handle, on one core", kRate},
                       {"read-2-cores",
                        "pread 4 KiB on two cores at once, a file each",
                        kRate,
                        {{1.6, "", "read-1-core"}}},
                       {"temporary-1-core", "create + write 4 KiB + close + unlink, on one core",
                        kRate},
                       {"temporary-2-cores",
                        "temporary files on two cores at once, a directory each",
                        kRate,
                        {{1.6, "", "temporary-1-core"}}}},
           .run = run_scaling,
           .pinned = false}};
}

}  // namespace scratchfs::bench

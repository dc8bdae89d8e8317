// Single calls on an existing file: pwrite, pread, open and close, stat.
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <stdexcept>

#include "tests/bench/files.h"
#include "tests/bench/timing.h"
#include "tests/bench/work.h"

namespace scratchfs::bench {

namespace {

// Writes a file block by block through a write-only handle, overwrites it through a read-write one,
// and reads another, newly written file twice through a read-only one.
std::vector<double> write_and_read(const Place& place, std::size_t block, Batches batches) {
  if (place.quick) batches.count = batches.count / 4 + 1;
  Bytes bytes(block);
  const auto at = [block](std::size_t number) {
    return static_cast<std::uint64_t>(number) * block;
  };
  const auto write_all = [&](File& file) {
    return microseconds_each(batches, [&](std::size_t i) { file.write_at(bytes.all(), at(i)); });
  };
  const auto read_all = [&](File& file) {
    return microseconds_each(batches, [&](std::size_t i) { file.read_at(bytes.all(), at(i)); });
  };
  std::vector<double> results;
  {
    File file(place / "written", O_WRONLY | O_CREAT | O_EXCL);
    results.push_back(write_all(file));
  }
  {
    File file(place / "written", O_RDWR);
    results.push_back(write_all(file));
  }
  write_new_file(place / "read", at(batches.count * batches.size));
  File file(place / "read", O_RDONLY);
  results.push_back(read_all(file));
  results.push_back(read_all(file));
  return results;
}

double open_and_close(const Place& place, int flags) {
  const std::string name = place / "existing";
  write_new_file(name, 4 * kKiB);
  return microseconds_each({place.quick ? 20U : 60U, 200}, [&](std::size_t) {
    check(close(static_cast<int>(check(open(name.c_str(), flags), "open"))), "close");
  });
}

double stat_existing(const Place& place) {
  const std::string name = place / "existing";
  write_new_file(name, 4 * kKiB);
  struct stat status {};
  return microseconds_each({100, 1000},
                           [&](std::size_t) { check(stat(name.c_str(), &status), "stat"); });
}

double fstat_existing(const Place& place) {
  write_new_file(place / "existing", 4 * kKiB);
  const File file(place / "existing", O_RDONLY);
  struct stat status {};
  return microseconds_each({100, 1000},
                           [&](std::size_t) { check(fstat(file.fd(), &status), "fstat"); });
}

void expect_missing(const std::string& name) {
  struct stat status {};
  if (stat(name.c_str(), &status) == 0 || errno != ENOENT) {
    throw std::runtime_error("stat: found a name that does not exist");
  }
}

std::vector<double> stat_missing(const Place& place) {
  const Batches batches{place.quick ? 20U : 100U, 100};
  const auto missing = names(place.directory, "missing", batches.count * batches.size);
  std::vector<double> results;
  results.push_back(microseconds_each(batches, [&](std::size_t i) { expect_missing(missing[i]); }));
  results.push_back(
      microseconds_each({100, 1000}, [&](std::size_t) { expect_missing(missing[0]); }));
  return results;
}

}  // namespace

std::vector<Work> call_works() {
  return {
      {.name = "calls-512",
       .group = "calls",
       .figures = {{"pwrite-512-new", "pwrite 512 B, new bytes, write-only handle"},
                   {"pwrite-512-over", "pwrite 512 B over existing bytes, O_RDWR handle"},
                   {"pread-512", "pread 512 B of a file just written, read-only handle"},
                   {"pread-512-again", "the same again"}},
       .run =
           [](const Place& place) {
             return write_and_read(place, 512, {100, 512});
           }},
      {.name = "calls-4k",
       .group = "calls",
       .figures = {{"pwrite-4k-new",
                    "pwrite 4 KiB, new blocks, write-only handle",
                    Unit::microseconds,
                    {{5.0}}},
                   {"pwrite-4k-over",
                    "pwrite 4 KiB over existing bytes, O_RDWR handle",
                    Unit::microseconds,
                    {{10.0}}},
                   {"pread-4k",
                    "pread 4 KiB of a file just written, read-only handle",
                    Unit::microseconds,
                    {{2.0}}},
                   {"pread-4k-again", "the same again"}},
       .run =
           [](const Place& place) {
             return write_and_read(place, 4 * kKiB, {64, 256});
           },
       .unpinned = true},
      {.name = "calls-64k",
       .group = "calls",
       .figures = {{"pwrite-64k-new", "pwrite 64 KiB, new blocks, write-only handle"},
                   {"pwrite-64k-over", "pwrite 64 KiB over existing bytes, O_RDWR handle"},
                   {"pread-64k", "pread 64 KiB of a file just written, read-only handle"},
                   {"pread-64k-again", "the same again"}},
       .run =
           [](const Place& place) {
             return write_and_read(place, 64 * kKiB, {64, 32});
           }},
      {.name = "open-close",
       .group = "calls",
       .figures = {{"open-close",
                    "open read-only + close of an existing file",
                    Unit::microseconds,
                    {{0.7, "memfs_ll"}}}},
       .run = [](const Place& place) { return std::vector{open_and_close(place, O_RDONLY)}; },
       .unpinned = true},
      {.name = "open-close-rdwr",
       .group = "calls",
       .figures = {{"open-close-rdwr", "open O_RDWR + close of an existing file"}},
       .run = [](const Place& place) { return std::vector{open_and_close(place, O_RDWR)}; }},
      {.name = "stat",
       .group = "calls",
       .figures = {{"stat", "stat of an existing file", Unit::microseconds, {{1.3}}}},
       .run = [](const Place& place) { return std::vector{stat_existing(place)}; }},
      {.name = "fstat",
       .group = "calls",
       .figures = {{"fstat", "fstat of an existing file", Unit::microseconds, {{1.3}}}},
       .run = [](const Place& place) { return std::vector{fstat_existing(place)}; }},
      {.name = "stat-missing",
       .group = "calls",
       .figures = {{"stat-missing",
                    "stat of a missing name, each time another",
                    Unit::microseconds,
                    {{0.9, "memfs_ll"}}},
                   {"stat-missing-again", "stat of one and the same missing name"}},
       .run = stat_missing},
  };
}

}  // namespace scratchfs::bench

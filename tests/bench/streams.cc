// Sequential access to one large file.
#include <unistd.h>

#include "tests/bench/files.h"
#include "tests/bench/timing.h"
#include "tests/bench/work.h"

namespace scratchfs::bench {

namespace {

std::uint64_t stream_size(const Place& place) { return place.quick ? 256 * kMiB : kGiB; }

double write_stream(const std::string& name, int flags, std::span<std::byte> bytes,
                    std::uint64_t size) {
  File file(name, flags | O_CREAT | O_EXCL);
  const double taken = seconds([&] {
    write_through(file, bytes, size);
    file.close();
  });
  return gigabytes_per_second(size, taken);
}

double read_stream(File& file, std::span<std::byte> bytes, std::uint64_t size) {
  check(lseek(file.fd(), 0, SEEK_SET), "lseek");
  return gigabytes_per_second(size, seconds([&] { read_through(file, bytes, size); }));
}

// Returns milliseconds.
double unlink_file(const std::string& name) {
  return seconds([&] { check(unlink(name.c_str()), "unlink"); }) * 1e3;
}

// Writes a file through a write-only handle, reads it twice through a read-only one, removes it,
// and writes it again into the memory that this has freed.
std::vector<double> one_way(const Place& place, std::size_t call) {
  const std::uint64_t size = stream_size(place);
  const std::string name = place / "stream";
  Bytes bytes(call);
  std::vector<double> results;
  results.push_back(write_stream(name, O_WRONLY, bytes.all(), size));
  {
    File file(name, O_RDONLY);
    results.push_back(read_stream(file, bytes.all(), size));
    results.push_back(read_stream(file, bytes.all(), size));
  }
  results.push_back(unlink_file(name));
  results.push_back(write_stream(name, O_WRONLY, bytes.all(), size));
  results.push_back(unlink_file(name));
  return results;
}

// Writes and reads through one handle, as after Python's open(name, "w+").
std::vector<double> both_ways(const Place& place, std::size_t call) {
  const std::uint64_t size = stream_size(place);
  Bytes bytes(call);
  File file(place / "stream", O_RDWR | O_CREAT | O_EXCL);
  const double written = seconds([&] { write_through(file, bytes.all(), size); });
  return {gigabytes_per_second(size, written), read_stream(file, bytes.all(), size)};
}

constexpr Unit kSpeed = Unit::gigabytes_per_second;

}  // namespace

std::vector<Work> stream_works() {
  return {
      {.name = "stream-1m",
       .group = "streams",
       .figures =
           {{"stream-write-1m", "write 1 GiB in 1 MiB calls, write-only handle", kSpeed, {{1.3}}},
            {"stream-read-1m",
             "read 1 GiB back in 1 MiB calls, read-only handle, first time",
             kSpeed,
             {{0.8}}},
            {"stream-read-again-1m", "the same again", kSpeed, {{1.0}}},
            {"unlink-1g-read", "unlink of that 1 GiB", Unit::milliseconds},
            {"stream-rewrite-1m", "write another one right after that", kSpeed},
            {"unlink-1g", "unlink of 1 GiB just written", Unit::milliseconds, {{0.02}}}},
       .run = [](const Place& place) { return one_way(place, kMiB); },
       .unpinned = true},
      {.name = "stream-rdwr-1m",
       .group = "streams",
       .figures =
           {{"stream-rdwr-write-1m", "write 1 GiB in 1 MiB calls, O_RDWR handle", kSpeed, {{0.8}}},
            {"stream-rdwr-read-1m", "read it back through the same handle", kSpeed, {{0.8}}}},
       .run = [](const Place& place) { return both_ways(place, kMiB); }},
      {.name = "stream-64k",
       .group = "streams",
       .figures = {{"stream-write-64k", "write 1 GiB in 64 KiB calls", kSpeed},
                   {"stream-read-64k", "read it back, first time", kSpeed},
                   {"stream-read-again-64k", "again", kSpeed},
                   {"unlink-1g-read-64k", "unlink of that 1 GiB", Unit::milliseconds},
                   {"stream-rewrite-64k", "write another one right after that", kSpeed},
                   {"unlink-1g-64k", "unlink of 1 GiB just written", Unit::milliseconds}},
       .run = [](const Place& place) { return one_way(place, 64 * kKiB); }},
      {.name = "stream-4k",
       .group = "streams",
       .figures = {{"stream-write-4k", "write 1 GiB in 4 KiB calls", kSpeed},
                   {"stream-read-4k", "read it back, first time", kSpeed},
                   {"stream-read-again-4k", "again", kSpeed},
                   {"unlink-1g-read-4k", "unlink of that 1 GiB", Unit::milliseconds},
                   {"stream-rewrite-4k", "write another one right after that", kSpeed},
                   {"unlink-1g-4k", "unlink of 1 GiB just written", Unit::milliseconds}},
       .run = [](const Place& place) { return one_way(place, 4 * kKiB); }},
      {.name = "stream-rdwr-4k",
       .group = "streams",
       .figures = {{"stream-rdwr-write-4k", "write 1 GiB in 4 KiB calls, O_RDWR handle", kSpeed},
                   {"stream-rdwr-read-4k", "read it back through the same handle", kSpeed}},
       .run = [](const Place& place) { return both_ways(place, 4 * kKiB); }},
  };
}

}  // namespace scratchfs::bench

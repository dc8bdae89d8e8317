// The memory that a million files of 100 bytes take, in the daemon and in the kernel.
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <limits>
#include <stdexcept>
#include <thread>

#include "tests/bench/files.h"
#include "tests/bench/timing.h"
#include "tests/bench/work.h"

namespace scratchfs::bench {

namespace {

constexpr std::size_t kDirectories = 100;
constexpr std::size_t kBytesEach = 100;

// Returns the field `name` (such as "Slab:"), in MiB, of a /proc file with lines "NAME   N kB".
double field(const std::string& path, const std::string& name) {
  std::ifstream file(path);
  for (std::string word; file >> word;) {
    if (word != name) {
      file.ignore(std::numeric_limits<std::streamsize>::max(), '\n');
      continue;
    }
    double kilobytes = 0;
    if (file >> kilobytes) return kilobytes / 1024;
  }
  throw std::runtime_error(path + ": no " + name);
}

struct Memory {
  double daemon = 0;
  double slab = 0;
  double available = 0;
  double free = 0;
};

Memory memory_now(pid_t daemon) {
  Memory memory;
  if (daemon != 0) memory.daemon = field("/proc/" + std::to_string(daemon) + "/status", "VmRSS:");
  memory.slab = field("/proc/meminfo", "Slab:");
  memory.available = field("/proc/meminfo", "MemAvailable:");
  memory.free = field("/proc/meminfo", "MemFree:");
  return memory;
}

// Waits a moment until per-core counters are folded in and RCU has freed its pages.
Memory settled_memory(pid_t daemon) {
  std::this_thread::sleep_for(std::chrono::seconds(2));
  return memory_now(daemon);
}

std::vector<std::string> make_directories(const Place& place) {
  auto directories = names(place.directory, "directory", kDirectories);
  for (const auto& directory : directories) check(mkdir(directory.c_str(), 0700), "mkdir");
  return directories;
}

std::vector<double> run_small_files(const Place& place) {
  const std::size_t files = place.quick ? 100'000 : 1'000'000;
  const auto directories = make_directories(place);
  Bytes bytes(kBytesEach);
  const auto name = [&](std::size_t i) {
    return directories[i % kDirectories] + "/file" + std::to_string(i);
  };
  const Memory before = settled_memory(place.daemon);
  const double created = seconds([&] {
    for (std::size_t i = 0; i < files; ++i) {
      File file(name(i), O_WRONLY | O_CREAT | O_EXCL);
      file.write_at(bytes.all(), 0);
      file.close();
    }
  });
  const Memory after = settled_memory(place.daemon);
  const double removed = seconds([&] {
    for (std::size_t i = 0; i < files; ++i) check(unlink(name(i).c_str()), "unlink");
  });
  const double machine = before.available - after.available;
  const double own = place.daemon != 0 ? after.daemon - before.daemon : machine;
  const double each = 1e6 / static_cast<double>(files);
  return {
      own,           after.slab - before.slab, machine, before.free - after.free, created * each,
      removed * each};
}

}  // namespace

std::vector<Work> small_file_works() {
  return {{.name = "small-files",
           .group = "small-files",
           .figures = {{"small-files-memory",
                        "memory of 1,000,000 files of 100 bytes",
                        Unit::mebibytes,
                        {{0.5}}},
                       {"small-files-slab", "the kernel's slab", Unit::mebibytes},
                       {"small-files-available", "what MemAvailable fell by", Unit::mebibytes},
                       {"small-files-free", "what MemFree fell by", Unit::mebibytes},
                       {"small-files-create", "create + write + close of each"},
                       {"small-files-unlink", "unlink of each"}},
           .run = run_small_files,
           .pinned = false,
           .usual = false}};
}

}  // namespace scratchfs::bench

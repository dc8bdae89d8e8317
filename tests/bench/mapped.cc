// Files through mmap.
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <system_error>

#include "tests/bench/files.h"
#include "tests/bench/timing.h"
#include "tests/bench/work.h"

namespace scratchfs::bench {

namespace {

class Mapping {
 public:
  Mapping(const File& file, std::size_t size, int protection)
      : memory_(mmap(nullptr, size, protection, MAP_SHARED, file.fd(), 0)), size_(size) {
    if (memory_ == MAP_FAILED) throw std::system_error(errno, std::generic_category(), "mmap");
  }
  ~Mapping() { munmap(memory_, size_); }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  std::byte* data() const { return static_cast<std::byte*>(memory_); }

 private:
  void* memory_;
  std::size_t size_;
};

// Times from the first store to the close: a file system that merely collects the stores is not
// done earlier.
double write_mapped(const std::string& name, std::size_t size) {
  Bytes bytes(kMiB);
  File file(name, O_RDWR | O_CREAT | O_EXCL);
  check(ftruncate(file.fd(), static_cast<off_t>(size)), "ftruncate");
  const double taken = seconds([&] {
    {
      const Mapping mapping(file, size, PROT_READ | PROT_WRITE);
      for (std::size_t at = 0; at < size; at += kMiB) {
        std::memcpy(mapping.data() + at, bytes.all().data(), kMiB);
      }
    }
    file.close();
  });
  return gigabytes_per_second(size, taken);
}

double read_mapped(const std::string& name, std::size_t size) {
  Bytes bytes(kMiB);
  const double taken = seconds([&] {
    const File file(name, O_RDONLY);
    const Mapping mapping(file, size, PROT_READ);
    for (std::size_t at = 0; at < size; at += kMiB) {
      std::memcpy(bytes.all().data(), mapping.data() + at, kMiB);
    }
  });
  return gigabytes_per_second(size, taken);
}

std::vector<double> run_mapped(const Place& place) {
  const std::size_t size = place.quick ? 64 * kMiB : 256 * kMiB;
  const double written = write_mapped(place / "mapped", size);
  write_new_file(place / "written", size);
  const double first = read_mapped(place / "written", size);
  return {written, first, read_mapped(place / "written", size)};
}

}  // namespace

std::vector<Work> mapped_works() {
  return {{.name = "mmap",
           .group = "mmap",
           .figures = {{"mmap-write", "fill 256 MiB through mmap, unmap, close",
                        Unit::gigabytes_per_second},
                       {"mmap-read", "read 256 MiB just written through mmap",
                        Unit::gigabytes_per_second},
                       {"mmap-read-again", "the same again", Unit::gigabytes_per_second}},
           .run = run_mapped}};
}

}  // namespace scratchfs::bench

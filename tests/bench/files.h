// File operations for the benchmarks. Failures throw std::system_error with the call's name.
#pragma once

#include <fcntl.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "tests/units.h"

namespace scratchfs::bench {

// What small reads and writes transfer.
inline constexpr std::size_t kBlock = 4 * kKiB;

// Throws if `result` is negative.
long check(long result, const char* call);
// Throws if `result` is not `expected`: a short count would falsify the figure.
void check_count(long result, std::size_t expected, const char* call);

class File {
 public:
  File(const std::string& path, int flags, mode_t mode = 0600);
  ~File();
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  int fd() const { return fd_; }
  // Explicit, so that close(2) can be timed.
  void close();

  void write_at(std::span<const std::byte> bytes, std::uint64_t offset);
  void read_at(std::span<std::byte> bytes, std::uint64_t offset);

 private:
  int fd_;
};

// Page-aligned data (as O_DIRECT requires) in which no two pages are equal.
class Bytes {
 public:
  explicit Bytes(std::size_t size);
  ~Bytes();
  Bytes(const Bytes&) = delete;
  Bytes& operator=(const Bytes&) = delete;
  std::span<std::byte> all() { return {data_, size_}; }

 private:
  std::byte* data_;
  std::size_t size_;
};

// Write or read the file from its beginning up to `total`, with calls of the span's size.
void write_through(File& file, std::span<const std::byte> bytes, std::uint64_t total);
void read_through(File& file, std::span<std::byte> bytes, std::uint64_t total);

void write_new_file(const std::string& path, std::uint64_t size);

// Returns "PREFIX0", "PREFIX1" ... below `directory`, built before the clock runs.
std::vector<std::string> names(const std::string& directory, const std::string& prefix,
                               std::size_t count);

}  // namespace scratchfs::bench

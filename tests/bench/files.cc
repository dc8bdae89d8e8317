#include "tests/bench/files.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <random>
#include <stdexcept>
#include <system_error>
#include <utility>

namespace scratchfs::bench {

long check(long result, const char* call) {
  if (result < 0) throw std::system_error(errno, std::generic_category(), call);
  return result;
}

void check_count(long result, std::size_t expected, const char* call) {
  if (static_cast<std::size_t>(check(result, call)) != expected) {
    throw std::runtime_error(std::string(call) + ": a short count");
  }
}

File::File(const std::string& path, int flags, mode_t mode)
    : fd_(static_cast<int>(check(::open(path.c_str(), flags | O_CLOEXEC, mode), "open"))) {}

File::~File() {
  if (fd_ >= 0) ::close(fd_);
}

void File::close() { check(::close(std::exchange(fd_, -1)), "close"); }

void File::write_at(std::span<const std::byte> bytes, std::uint64_t offset) {
  check_count(pwrite(fd_, bytes.data(), bytes.size(), static_cast<off_t>(offset)), bytes.size(),
              "pwrite");
}

void File::read_at(std::span<std::byte> bytes, std::uint64_t offset) {
  check_count(pread(fd_, bytes.data(), bytes.size(), static_cast<off_t>(offset)), bytes.size(),
              "pread");
}

Bytes::Bytes(std::size_t size) : data_(nullptr), size_(size) {
  void* memory = mmap(nullptr, size, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
  if (memory == MAP_FAILED) throw std::system_error(errno, std::generic_category(), "mmap");
  data_ = static_cast<std::byte*>(memory);
  std::minstd_rand random;
  std::ranges::generate(all(), [&random] { return static_cast<std::byte>(random() >> 8U); });
}

Bytes::~Bytes() { munmap(data_, size_); }

void write_through(File& file, std::span<const std::byte> bytes, std::uint64_t total) {
  for (std::uint64_t at = 0; at < total; at += bytes.size()) {
    check_count(::write(file.fd(), bytes.data(), bytes.size()), bytes.size(), "write");
  }
}

void read_through(File& file, std::span<std::byte> bytes, std::uint64_t total) {
  for (std::uint64_t at = 0; at < total; at += bytes.size()) {
    check_count(::read(file.fd(), bytes.data(), bytes.size()), bytes.size(), "read");
  }
}

void write_new_file(const std::string& path, std::uint64_t size) {
  File file(path, O_WRONLY | O_CREAT | O_EXCL);
  Bytes bytes(std::min<std::uint64_t>(size, kMiB));
  write_through(file, bytes.all(), size);
  file.close();
}

std::vector<std::string> names(const std::string& directory, const std::string& prefix,
                               std::size_t count) {
  std::vector<std::string> result;
  result.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    result.push_back(directory + "/" + prefix + std::to_string(i));
  }
  return result;
}

}  // namespace scratchfs::bench

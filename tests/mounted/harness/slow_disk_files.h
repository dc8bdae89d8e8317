// The slow disk's files, kept in memory, and the requests that need no waiting.
#pragma once

#include <linux/fuse.h>

#include <cstdint>
#include <cstring>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "tests/mounted/harness/fd.h"
#include "tests/mounted/harness/slow_disk.h"

namespace scratchfs::harness {

// Thread-safe.
class SlowDiskFiles {
 public:
  static constexpr std::size_t kLargestData = 1024 * 1024;  // of one read or write

  explicit SlowDiskFiles(SlowDisk::Cache cache) : cache_(cache) {}

  // Answers any request except reads and writes: returns 0 and the reply, or an errno.
  int answer(const fuse_in_header& header, const char* body, std::vector<char>& out);
  // Returns the descriptor that holds an open file's bytes.
  int descriptor(std::uint64_t id);

  // Implement SlowDisk's functions of the same names.
  int names();
  int open_files();
  long long allocated_bytes();

 private:
  fuse_attr attributes(std::uint64_t id);
  fuse_entry_out entry(std::uint64_t id);
  std::vector<char> attr_out(std::uint64_t id);
  std::vector<char> open_out() const;
  std::vector<char> init_out(const fuse_init_in& in) const;

  const SlowDisk::Cache cache_;
  std::mutex mutex_;
  std::map<std::string, std::uint64_t> names_;
  std::map<std::uint64_t, Fd> files_;
  std::uint64_t last_id_ = FUSE_ROOT_ID;
};

// Convert between values and the bytes of requests and replies.
template <typename T>
std::vector<char> bytes_of(const T& value) {
  const char* begin = reinterpret_cast<const char*>(&value);
  return std::vector<char>(begin, begin + sizeof(T));
}

template <typename T>
T argument(const char* body) {
  T value{};
  std::memcpy(&value, body, sizeof(T));
  return value;
}

}  // namespace scratchfs::harness

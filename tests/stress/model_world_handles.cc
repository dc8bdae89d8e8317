// Operations of a random run on an open file: its bytes, size and holes.
#include <fcntl.h>
#include <linux/falloc.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "tests/mounted/harness/look.h"
#include "tests/mounted/harness/parity.h"
#include "tests/stress/model_world.h"
#include "tests/units.h"

namespace scratchfs::harness {

namespace {

constexpr std::uint64_t kDirect = 512;  // alignment for O_DIRECT

std::string counted(ssize_t result) {
  return result < 0 ? outcome(result) : std::to_string(result);
}

// Opens the same file again through /proc, because it may no longer have a name.
Fd reopened(int file, int flags) {
  return Fd(open(("/proc/self/fd/" + std::to_string(file)).c_str(), flags | O_CLOEXEC));
}

struct Aligned {
  explicit Aligned(std::size_t size) : bytes(static_cast<char*>(std::aligned_alloc(kPage, size))) {}
  ~Aligned() { std::free(bytes); }
  Aligned(const Aligned&) = delete;
  Aligned& operator=(const Aligned&) = delete;
  char* const bytes;
};
std::size_t aligned(std::uint64_t length) { return (length + kPage - 1) / kPage * kPage; }

struct Range {
  std::uint64_t begin = 0;
  std::size_t length = 0;
};

// Returns whole pages from the operation's offset on, up to the end of the file; empty beyond it.
Range range_to_map(int file, const Operation& operation) {
  struct stat info {};
  fstat(file, &info);
  const std::uint64_t begin = operation.offset / kPage * kPage;
  const auto size = static_cast<std::uint64_t>(info.st_size);
  return {begin, begin >= size ? 0 : std::min(operation.length, size - begin)};
}

}  // namespace

std::string World::on_handle(const Operation& operation) {
  const int file = slots_[operation.slot].get();
  const auto offset = static_cast<off_t>(operation.offset);
  const auto length = static_cast<off_t>(operation.length);
  const int keep_size = operation.value % 2 == 0 ? FALLOC_FL_KEEP_SIZE : 0;
  switch (operation.act) {
    case Act::close:
      return outcome(slots_[operation.slot].close());
    case Act::write: {
      const std::string data = random_bytes(operation.length, operation.value);
      return counted(pwrite(file, data.data(), data.size(), offset));
    }
    case Act::append: {
      const Fd appending = reopened(file, O_WRONLY | O_APPEND | O_NONBLOCK);
      const std::string data = random_bytes(operation.length, operation.value);
      struct stat info {};
      if (fstat(file, &info) == 0 && info.st_size > static_cast<off_t>(kLargestFile))
        return "enough";
      return counted(write(appending.get(), data.data(), data.size()));
    }
    case Act::write_direct:
      return write_direct(file, operation);
    case Act::read:
      return read_back(file, operation.offset, operation.length);
    case Act::truncate:
      return outcome(ftruncate(file, operation.value % 5 == 0 ? 0 : offset));
    case Act::punch:
      return outcome(fallocate(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, length));
    case Act::zero:
      return zero(file, operation);
    case Act::allocate:
      add(unwritten_, file);
      return outcome(fallocate(file, keep_size, offset, length));
    case Act::copy:
      return copy(file, operation);
    case Act::store_mapped:
      return store_mapped(file, operation);
    case Act::load_mapped:
      return load_mapped(file, operation);
    case Act::seek:
      if (!comparable_blocks(operation.slot) || is_in(unwritten_, file)) return "";
      return counted(lseek(file, offset, operation.value % 2 == 0 ? SEEK_DATA : SEEK_HOLE));
    default:
      return outcome(fsync(file));
  }
}

std::string World::read_back(int file, std::uint64_t offset, std::uint64_t length) const {
  const bool direct = offset % kDirect == 0;
  const Fd reading = reopened(file, O_RDONLY | O_NONBLOCK | (direct ? O_DIRECT : 0));
  const Aligned data(aligned(length));
  const ssize_t got = pread(reading.get(), data.bytes, direct ? aligned(length) : length,
                            static_cast<off_t>(offset));
  if (got < 0) return outcome(got);
  return counted(got) + " " + checksum({data.bytes, static_cast<std::size_t>(got)});
}

std::string World::write_direct(int file, const Operation& operation) const {
  const Fd writing = reopened(file, O_WRONLY | O_NONBLOCK | O_DIRECT);
  const std::size_t size = aligned(operation.length);
  const Aligned data(size);
  const std::string random = random_bytes(size, operation.value);
  std::memcpy(data.bytes, random.data(), size);
  return counted(pwrite(writing.get(), data.bytes, size,
                        static_cast<off_t>(operation.offset / kPage * kPage)));
}

// tmpfs has no FALLOC_FL_ZERO_RANGE: punching a hole and allocating it again is equivalent.
std::string World::zero(int file, const Operation& operation) {
  add(unwritten_, file);
  const auto offset = static_cast<off_t>(operation.offset);
  const auto length = static_cast<off_t>(operation.length);
  const int keep_size = operation.value % 2 == 0 ? FALLOC_FL_KEEP_SIZE : 0;
  if (where_ == Where::scratchfs) {
    return outcome(fallocate(file, FALLOC_FL_ZERO_RANGE | keep_size, offset, length));
  }
  const int punched = fallocate(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, length);
  return outcome(punched != 0 ? punched : fallocate(file, keep_size, offset, length));
}

std::string World::copy(int file, const Operation& operation) {
  const int to = slots_[operation.other_slot].get();
  if (to < 0) return "nowhere to copy to";
  add(spoilt_, to);
  auto from_offset = static_cast<off_t>(operation.offset);
  auto to_offset = static_cast<off_t>(operation.other_offset);
  std::size_t left = operation.length;
  ssize_t got = 1;
  // A file system may copy less than requested.
  while (left > 0 && got > 0) {
    got = copy_file_range(file, &from_offset, to, &to_offset, left, 0);
    left -= static_cast<std::size_t>(std::max<ssize_t>(got, 0));
  }
  return (got < 0 ? outcome(got) : "copied") + " left " + std::to_string(left);
}

std::string World::store_mapped(int file, const Operation& operation) {
  add(spoilt_, file);
  const auto [begin, length] = range_to_map(file, operation);
  if (length == 0) return "behind the end";
  void* map =
      mmap(nullptr, length, PROT_READ | PROT_WRITE, MAP_SHARED, file, static_cast<off_t>(begin));
  if (map == MAP_FAILED) return outcome(-1);
  const std::string data = random_bytes(length, operation.value);
  std::memcpy(map, data.data(), length);
  std::string seen;
  if (operation.value % 2 == 0) seen = outcome(msync(map, length, MS_SYNC));
  munmap(map, length);
  return "stored " + seen;
}

std::string World::load_mapped(int file, const Operation& operation) {
  add(spoilt_, file);
  const auto [begin, length] = range_to_map(file, operation);
  if (length == 0) return "behind the end";
  void* map = mmap(nullptr, length, PROT_READ, MAP_PRIVATE, file, static_cast<off_t>(begin));
  if (map == MAP_FAILED) return outcome(-1);
  const std::string seen = checksum({static_cast<const char*>(map), length});
  munmap(map, length);
  return seen;
}

long World::blocks(unsigned slot) const {
  struct stat info {};
  return slots_[slot].valid() && fstat(slots_[slot].get(), &info) == 0 ? info.st_blocks : -1;
}

off_t World::size(unsigned slot) const {
  struct stat info {};
  const int file = slots_[slot].get();
  return file >= 0 && fstat(file, &info) == 0 ? info.st_size : -1;
}

bool World::comparable_blocks(unsigned slot) const {
  struct stat info {};
  const int file = slots_[slot].get();
  return file >= 0 && fstat(file, &info) == 0 && S_ISREG(info.st_mode) && !is_in(spoilt_, file);
}

void World::add(Inodes& inodes, int file) {
  struct stat info {};
  if (fstat(file, &info) == 0) inodes.insert(info.st_ino);
}

bool World::is_in(const Inodes& inodes, int file) {
  struct stat info {};
  return fstat(file, &info) == 0 && inodes.contains(info.st_ino);
}

}  // namespace scratchfs::harness

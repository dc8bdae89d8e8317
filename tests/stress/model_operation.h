// One operation of a random run. It consists of plain values only, so that a run can be repeated,
// and shortened, as a list.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <vector>

namespace scratchfs::harness {

enum class Act : std::uint8_t {
  // operations on an open file, given by its slot
  open,
  close,
  write,
  write_direct,
  read,
  append,
  truncate,
  punch,
  zero,
  allocate,
  copy,
  store_mapped,
  load_mapped,
  seek,
  sync,
  // operations on names
  create,
  mkdir,
  symlink,
  fifo,
  link,
  unlink,
  rmdir,
  rename,
  rename_no_replace,
  exchange,
  list_during_change,
  stat,
  chmod,
  chown,
  set_times,
  set_xattr,
};

struct Operation {
  Act act = Act::stat;
  unsigned slot = 0;        // of an open file
  unsigned other_slot = 0;  // copy: the destination
  std::string path;         // below the run's directory
  std::string other_path;
  std::uint64_t offset = 0;  // bytes
  std::uint64_t other_offset = 0;
  std::uint64_t length = 0;
  // Depends on the act: a data seed, a mode, an owner, a number of entries or flags.
  unsigned value = 0;
};

// Returns a readable line: the act, its slots, paths, offsets, length and value.
std::string describe(const Operation& operation);

inline constexpr unsigned kSlots = 5;
inline constexpr std::uint64_t kLargestFile = 6 << 20;  // bytes

// contents: few files, many bytes. names: many paths, few bytes.
enum class Kind : std::uint8_t { contents, names };
// Returns the operations for a seed; the same list on every machine.
std::vector<Operation> random_operations(Kind kind, unsigned seed, std::size_t count);

}  // namespace scratchfs::harness

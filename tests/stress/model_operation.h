// One operation of a random run, told by numbers alone, so that a run can be repeated, and
// shortened, as a list.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <vector>

namespace scratchfs::harness {

enum class Act : std::uint8_t {
  // on an open file, by its slot
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
  // on names
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
  unsigned other_slot = 0;  // copy: where to
  std::string path;         // below the directory of the run
  std::string other_path;
  std::uint64_t offset = 0;  // bytes
  std::uint64_t other_offset = 0;
  std::uint64_t length = 0;
  unsigned value =
      0;  // seed of data, a mode, an owner, a number of entries, flags: as the act has it
};

// As a person reads it: `write slot 1 offset 4096 length 100 value 7`.
std::string describe(const Operation& operation);

inline constexpr unsigned kSlots = 5;
inline constexpr std::uint64_t kLargestFile = 6 << 20;  // bytes

// Mostly contents: few files, many bytes. Mostly names: many paths, hardly a byte.
enum class Kind : std::uint8_t { contents, names };
// The same list for the same seed, everywhere.
std::vector<Operation> random_operations(Kind kind, unsigned seed, std::size_t count);

}  // namespace scratchfs::harness

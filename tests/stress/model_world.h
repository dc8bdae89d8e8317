// A directory that performs the operations of a random run, and reports all that they show.
#pragma once

#include <sys/types.h>

#include <array>
#include <set>
#include <string>

#include "tests/mounted/harness/fd.h"
#include "tests/stress/model_operation.h"

namespace scratchfs::harness {

class World {
 public:
  enum class Where : bool { model, scratchfs };

  // Creates the directory. Where::model is a tmpfs, where FALLOC_FL_ZERO_RANGE is emulated with
  // other calls because tmpfs lacks it.
  World(std::string root, Where where);
  ~World();  // removes everything below it
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  // Performs an operation and returns what it shows, in which both worlds must agree: results,
  // errnos, checksums of data, changed timestamps. Any operation may be requested in any state; an
  // impossible one fails the same way in both.
  std::string perform(const Operation& operation);
  // Lists every name with type, mode, owner, links, size and content, then the open slots.
  std::string survey() const;

  // Returns st_blocks of the file open in a slot, -1 if none is, for comparison.
  long blocks(unsigned slot) const;
  // The size of what is open in a slot, -1 where nothing is.
  off_t size(unsigned slot) const;
  // Whether tmpfs would have the same blocks for what was done here: not after copies (tmpfs fills
  // holes) and maps.
  bool comparable_blocks(unsigned slot) const;

 private:
  using Inodes = std::set<ino_t>;

  std::string on_handle(const Operation& operation);
  std::string on_names(const Operation& operation);
  std::string open_slot(const Operation& operation);
  std::string read_back(int file, std::uint64_t offset, std::uint64_t length) const;
  std::string write_direct(int file, const Operation& operation) const;
  std::string copy(int file, const Operation& operation);
  std::string store_mapped(int file, const Operation& operation);
  std::string load_mapped(int file, const Operation& operation);
  std::string zero(int file, const Operation& operation);
  std::string list_during_change(const Operation& operation) const;
  std::string path(const std::string& below) const { return root_ + "/" + below; }
  static void add(Inodes& inodes, int file);
  static bool is_in(const Inodes& inodes, int file);

  const std::string root_;
  const Where where_;
  std::array<Fd, kSlots> slots_;
  Inodes spoilt_;  // tmpfs counts their blocks differently
  // With pages that are allocated but not written, in which tmpfs finds holes.
  Inodes unwritten_;
};

}  // namespace scratchfs::harness

// A directory in which the operations of a random run are carried out, and everything they show.
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

  // Makes the directory. `where` model: on a tmpfs, which lacks FALLOC_FL_ZERO_RANGE; that is made
  // of other calls.
  World(std::string root, Where where);
  ~World();  // removes all below it
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  // Carries it out; what can be seen of it, in which both worlds must agree: results, errnos, sums
  // of data, which times moved. Whatever the state, every operation can be asked for: then it
  // fails, the same way in both.
  std::string perform(const Operation& operation);
  // Every name below, with type, mode, owner, links, size, contents; then what is open.
  std::string survey() const;

  // st_blocks of what is open in a slot, -1 where nothing is. For comparing.
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
  Inodes spoilt_;     // whose blocks tmpfs counts otherwise
  Inodes unwritten_;  // with pages that were allocated and not written: tmpfs finds holes there
};

}  // namespace scratchfs::harness

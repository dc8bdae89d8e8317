// A directory on a disk that is slow, stuck, full or broken when a test says so: a small FUSE file
// system, for spilling.
#pragma once

#include <memory>
#include <string>

namespace scratchfs::harness {

class SlowDisk {
 public:
  // With `write_back` it refuses O_DIRECT, and what is written goes through the page cache: an
  // error is told to fsync(2) alone, as by some network file systems.
  enum class Cache : bool { none, write_back };
  explicit SlowDisk(Cache cache = Cache::none);
  ~SlowDisk();  // opens the gate and takes the mount away
  SlowDisk(const SlowDisk&) = delete;
  SlowDisk& operator=(const SlowDisk&) = delete;

  const std::string& path() const;

  // Each read or write from now on is answered so many milliseconds after it came, however many
  // there are.
  void delay_reads(int milliseconds);
  void delay_writes(int milliseconds);
  // While the gate is closed no read is answered.
  void close_gate();
  void open_gate();
  int reads_held_back() const;
  // The same for writes.
  void close_gate_to_writes();
  void open_gate_to_writes();
  int writes_held_back() const;

  // The errno that reads or writes get from now on; 0: none.
  void fail_reads(int error);
  void fail_writes(int error);
  // From now on every read gets its bytes with one bit flipped.
  void flip_a_bit(bool flip);

  // Names that exist now; files that are open; bytes that all files together take.
  int names() const;
  int open_files() const;
  long long allocated_bytes() const;
  long long reads() const;
  long long writes() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace scratchfs::harness

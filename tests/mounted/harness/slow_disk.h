// A small FUSE file system to spill to, which tests can make slow, stuck, full or broken.
#pragma once

#include <memory>
#include <string>

namespace scratchfs::harness {

class SlowDisk {
 public:
  // write_back: refuses O_DIRECT and writes through the page cache, so that only fsync(2) reports
  // an error, as with some network file systems.
  enum class Cache : bool { none, write_back };
  explicit SlowDisk(Cache cache = Cache::none);
  ~SlowDisk();  // opens the gate and unmounts
  SlowDisk(const SlowDisk&) = delete;
  SlowDisk& operator=(const SlowDisk&) = delete;

  const std::string& path() const;

  // Delays the reply to each read or write from now on, however many are pending.
  void delay_reads(int milliseconds);
  void delay_writes(int milliseconds);
  // While the gate is closed, no read is answered.
  void close_gate();
  void open_gate();
  int reads_held_back() const;
  // The same for writes.
  void close_gate_to_writes();
  void open_gate_to_writes();
  int writes_held_back() const;

  // Sets the errno that reads or writes fail with from now on; 0: none.
  void fail_reads(int error);
  void fail_writes(int error);
  // Flips one bit in the data of every read from now on.
  void flip_a_bit(bool flip);

  // Statistics: existing names, open files, bytes allocated by all files, reads and writes so far.
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

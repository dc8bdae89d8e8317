// Makes memory allocations fail on request.
//
// scarce_memory_new.h replaces operator new; exactly one file of the executable includes it.
#pragma once

#include <atomic>
#include <cstdint>

namespace scratchfs::fakes {

// Fails one call of operator new in this thread: the one after `spared` others.
class OneFailure {
 public:
  explicit OneFailure(std::uint64_t spared);
  ~OneFailure();
  OneFailure(const OneFailure&) = delete;
  OneFailure& operator=(const OneFailure&) = delete;
  // Whether an allocation failed; false if there were too few.
  bool happened() const;
};

// Fails one in `every` allocations of all threads but this one.
class ScarceMemory {
 public:
  explicit ScarceMemory(std::uint32_t every);
  ~ScarceMemory();
  ScarceMemory(const ScarceMemory&) = delete;
  ScarceMemory& operator=(const ScarceMemory&) = delete;
  std::uint64_t failures() const;
};

}  // namespace scratchfs::fakes

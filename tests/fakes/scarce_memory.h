// Memory that runs out when a test says so.
//
// scarce_memory_new.h replaces operator new; one file of the executable includes it.
#pragma once

#include <atomic>
#include <cstdint>

namespace scratchfs::fakes {

// Fails one allocation with operator new of this thread: the one after `spared` others.
class OneFailure {
 public:
  explicit OneFailure(std::uint64_t spared);
  ~OneFailure();
  OneFailure(const OneFailure&) = delete;
  OneFailure& operator=(const OneFailure&) = delete;
  // False: there were not so many.
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

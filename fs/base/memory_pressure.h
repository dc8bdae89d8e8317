// Whether the machine, or the control group that this process is in, is short of memory.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>

namespace scratchfs::base {

class MemoryPressure {
 public:
  virtual ~MemoryPressure() = default;
  // Waits until memory is short, at most `patience` (nullopt: any time). True: it is short, and who
  // asks again at once is told of what came since. False: it is not, or stop() was called. For one
  // thread.
  virtual bool wait(std::optional<std::chrono::milliseconds> patience) = 0;
  // Ends a wait() that is under way, and all to come. From any thread.
  virtual void stop() = 0;
};

// Told by the kernel where it tells (PSI, Documentation/accounting/psi.rst: tasks that wait for
// memory for a tenth of a second within one), of the machine and of the control group (version 2);
// else a look at MemAvailable of proc(5) once a second, less than a tenth of all being short.
// `root`: where /proc and /sys are looked for, for tests. Null: no descriptors.
std::unique_ptr<MemoryPressure> system_memory_pressure(const std::string& root = "");

// MemAvailable is less than a tenth of MemTotal, or there is no memory to look with; false where
// neither is told. Never throws.
bool is_short_of_memory(const std::string& root = "");

}  // namespace scratchfs::base

// Detects that the machine, or the control group of this process, is short of memory.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>

namespace scratchfs::base {

class MemoryPressure {
 public:
  virtual ~MemoryPressure() = default;
  // Waits until memory is short, for at most `timeout` (nullopt: forever). Returns true if it is
  // short; a shortage that the kernel reports between two calls is returned by the next one.
  // Returns false when the time is over or stop() was called. For one thread only.
  virtual bool wait(std::optional<std::chrono::milliseconds> timeout) = 0;
  // Ends the current wait() and all later ones. May be called from any thread.
  virtual void stop() = 0;
};

// Watches the machine and the control group (version 2) through PSI triggers
// (Documentation/accounting/psi.rst): memory is short when tasks stall on memory for a tenth of the
// time within one second (two seconds without CAP_SYS_RESOURCE). Where the kernel offers no PSI,
// reads MemAvailable (proc(5)) once a second instead, see is_short_of_memory(). `root` is a prefix
// of /proc and /sys, for tests. Returns null if no descriptor can be created.
std::unique_ptr<MemoryPressure> system_memory_pressure(const std::string& root = "");

// Returns whether MemAvailable is less than a tenth of MemTotal. Also true if memory for this check
// is lacking; false if /proc/meminfo does not have these fields. Never throws.
bool is_short_of_memory(const std::string& root = "");

}  // namespace scratchfs::base

// A thread that gives memory back while the machine is short of it.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <thread>

#include "fs/base/log_limiter.h"
#include "fs/base/memory_pressure.h"
#include "fs/base/result.h"
#include "fs/store/budget.h"
#include "fs/store/housekeeper.h"

namespace scratchfs::store {

// Each time memory is short, lowers the spiller's target by an eighth of the budget and turns off
// the reserve of frames. Raises the target again after each kQuiet without a shortage. Writers are
// not affected, because the mark that they wait for does not move.
class PressureWatch {
 public:
  static constexpr std::chrono::milliseconds kQuiet{3000};

  // Starts the thread. None of the arguments is owned. EAGAIN: no thread could be started.
  static base::Result<std::unique_ptr<PressureWatch>> create(
      base::MemoryPressure& source, Budget& budget, Housekeeper& housekeeper,
      std::chrono::milliseconds quiet = kQuiet);
  ~PressureWatch();

  // Returns the eighths of the budget by which the target is lowered now.
  unsigned relief() const { return relief_.load(std::memory_order_relaxed); }

 private:
  PressureWatch(base::MemoryPressure& source, Budget& budget, Housekeeper& housekeeper,
                std::chrono::milliseconds quiet)
      : source_(source), budget_(budget), housekeeper_(housekeeper), quiet_(quiet) {}
  void run();
  void relieve(unsigned eighths);

  base::MemoryPressure& source_;
  Budget& budget_;
  Housekeeper& housekeeper_;
  const std::chrono::milliseconds quiet_;
  std::atomic<unsigned> relief_{0};
  std::atomic<bool> stopping_{false};
  base::LogLimiter log_{std::chrono::minutes(1)};
  std::thread thread_;
};

}  // namespace scratchfs::store

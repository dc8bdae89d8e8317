#include "fs/store/pressure_watch.h"

#include <optional>

#include "fs/base/background.h"
#include "fs/base/log.h"

namespace scratchfs::store {

base::Result<std::unique_ptr<PressureWatch>> PressureWatch::create(
    base::MemoryPressure& source, Budget& budget, Housekeeper& housekeeper,
    std::chrono::milliseconds quiet) {
  std::unique_ptr<PressureWatch> watch(new PressureWatch(source, budget, housekeeper, quiet));
  auto thread = base::start_thread("pressure", [self = watch.get()] { self->run(); });
  if (!thread) return thread.error();
  watch->thread_ = *std::move(thread);
  return watch;
}

PressureWatch::~PressureWatch() {
  stopping_.store(true);
  source_.stop();
  if (thread_.joinable()) thread_.join();
}

void PressureWatch::run() {
  while (!stopping_.load()) {
    const unsigned now = relief();
    const bool is_short = source_.wait(now > 0 ? std::optional(quiet_) : std::nullopt);
    if (stopping_.load()) return;
    if (is_short && now < Budget::kMostRelief) relieve(now + 1);
    if (!is_short && now > 0) relieve(now - 1);
  }
}

void PressureWatch::relieve(unsigned eighths) {
  const bool began = relief() == 0;
  relief_.store(eighths, std::memory_order_relaxed);
  budget_.relieve(eighths);
  if (!began && eighths > 0) return;
  housekeeper_.short_of_memory(began);
  log::limited(log_, log::Level::info, "the machine {}",
               began ? "is short of memory: cold blocks are spilled earlier"
                     : "is no longer short of memory");
}

}  // namespace scratchfs::store

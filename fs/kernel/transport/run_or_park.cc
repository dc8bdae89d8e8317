#include "fs/kernel/transport/run_or_park.h"

#include "fs/base/log.h"
#include "fs/base/log_limiter.h"
#include "fs/kernel/transport/control_inode.h"

namespace scratchfs::kernel::detail {

void log_exception(const Request& request, const char* what) {
  static base::LogLimiter limiter{std::chrono::seconds(1)};
  log::limited(limiter, log::Level::error, "{} of inode {} failed: {}", name_of(request.opcode()),
               request.inode(), what);
}

void log_late(const Request& request) {
  static base::LogLimiter limiter{std::chrono::seconds(5)};
  log::limited(limiter, log::Level::error,
               "spill: no answer from the disk in time: {} of inode {} failed",
               name_of(request.opcode()), request.inode());
}

Parking::Lane lane_of(const Request& request) {
  switch (request.opcode()) {
    case Opcode::read:
    case Opcode::write:
    case Opcode::setattr:
    case Opcode::fallocate:
    case Opcode::copy_file_range:
      return request.inode() == kControlId ? Parking::Lane::other : Parking::Lane::disk;
    default:
      return Parking::Lane::other;
  }
}

base::CancellableDeadline::Clock::duration allowance_of(const Request& request,
                                                        std::chrono::milliseconds spill_timeout) {
  if (request.ring() == nullptr) return base::CancellableDeadline::Clock::duration::max();
  return spill_timeout;
}

}  // namespace scratchfs::kernel::detail

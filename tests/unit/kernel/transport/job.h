// A parked task made of functions.
#pragma once

#include <cstdint>
#include <functional>
#include <utility>

#include "fs/kernel/transport/parking.h"

namespace scratchfs::kernel {

class Job final : public Parking::Task {
 public:
  using Refused = std::function<void(base::Errno)>;
  Job(std::function<void()> work, Refused refused, Parking::Lane lane = Parking::Lane::disk,
      std::uint64_t number = 0)
      : Task(lane, number, base::CancellableDeadline::Clock::duration::max()),
        work_(std::move(work)),
        refused_(std::move(refused)) {}
  void run() override { work_(); }
  void refuse(base::Errno error) override { refused_(error); }

 private:
  std::function<void()> work_;
  Refused refused_;
};

}  // namespace scratchfs::kernel

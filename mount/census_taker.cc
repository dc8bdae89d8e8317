#include "mount/census_taker.h"

namespace scratchfs::mount {

CensusTaker::Taken CensusTaker::get() {
  base::Lock lock(mutex_);
  const Clock::time_point asked = now_();
  if (last_ == nullptr || asked - taken_ >= kRest * took_) {
    last_ = std::make_shared<const tree::Census>(take_());
    taken_ = now_();
    took_ = taken_ - asked;
    return {last_, {}};
  }
  return {last_, asked - taken_};
}

}  // namespace scratchfs::mount

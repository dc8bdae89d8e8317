#include "tests/mounted/harness/pace.h"

#include <time.h>

#include <thread>

namespace scratchfs::harness {

int slowness() {
#if defined(__SANITIZE_THREAD__)
  return 8;
#elif defined(__SANITIZE_ADDRESS__)
  return 4;
#else
  return 1;
#endif
}

std::chrono::milliseconds patience(double seconds) {
  return std::chrono::milliseconds(static_cast<long>(seconds * 1000.0) * slowness());
}

bool eventually(const std::function<bool()>& condition, double seconds) {
  const auto end = std::chrono::steady_clock::now() + patience(seconds);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) {
      return false;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

void let_the_clock_tick() {
  timespec tick{};
  clock_getres(CLOCK_REALTIME_COARSE, &tick);
  timespec start{};
  clock_gettime(CLOCK_REALTIME_COARSE, &start);
  timespec now = start;
  // Two ticks: the first may come right after the stamp that is to differ.
  const long tick_ns = 2 * tick.tv_nsec;
  while ((now.tv_sec - start.tv_sec) * 1'000'000'000L + now.tv_nsec - start.tv_nsec < tick_ns) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    clock_gettime(CLOCK_REALTIME_COARSE, &now);
  }
}

}  // namespace scratchfs::harness

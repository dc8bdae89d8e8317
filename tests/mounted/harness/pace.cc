#include "tests/mounted/harness/pace.h"

#include <time.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>

#include "tests/mounted/harness/mount.h"

namespace scratchfs::harness {
namespace {

int slowness_of_machine() {
  const char* text = std::getenv("SCRATCHFS_SLOWNESS");
  return text == nullptr ? 1 : std::max(std::atoi(text), 1);
}

int slowness_of_program() {
  static const int slowness = [] {
    std::ifstream file(scratchfs_binary(), std::ios::binary);
    const std::string program((std::istreambuf_iterator<char>(file)), {});
    if (program.find("__tsan_init") != std::string::npos) return 8;
    return program.find("__asan_init") == std::string::npos ? 1 : 4;
  }();
  return slowness;
}

}  // namespace

int slowness() {
  static const int slowness = slowness_of_machine() * slowness_of_program();
  return slowness;
}

bool sanitized() { return slowness_of_program() > 1; }

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

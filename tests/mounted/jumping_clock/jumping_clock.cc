// Preloaded into a daemon (LD_PRELOAD, ld.so(8)): the time of day jumps ten years forward or back
// at every query. Code that relies on it waits forever, or not at all.
#include <dlfcn.h>
#include <sys/time.h>
#include <ctime>

#include <atomic>

namespace {

std::time_t next_jump() {
  static std::atomic<unsigned> looks{0};
  constexpr std::time_t kYears = std::time_t{10} * 365 * 24 * 3600;
  return looks.fetch_add(1) % 2 == 0 ? kYears : -kYears;
}

bool is_time_of_day(clockid_t clock) {
  return clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE || clock == CLOCK_TAI;
}

}  // namespace

extern "C" int clock_gettime(clockid_t clock, timespec* into) noexcept {
  using Call = int (*)(clockid_t, timespec*);
  static const auto real = reinterpret_cast<Call>(dlsym(RTLD_NEXT, "clock_gettime"));
  const int result = real(clock, into);
  if (result == 0 && is_time_of_day(clock)) into->tv_sec += next_jump();
  return result;
}

extern "C" std::time_t time(std::time_t* into) noexcept {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  if (into != nullptr) *into = now.tv_sec;
  return now.tv_sec;
}

extern "C" int gettimeofday(timeval* into, void*) noexcept {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  *into = {.tv_sec = now.tv_sec, .tv_usec = now.tv_nsec / 1000};
  return 0;
}

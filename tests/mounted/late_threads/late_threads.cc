// Preloaded into a daemon (LD_PRELOAD, ld.so(8)): each thread that is created after the answer to
// the first request starts 0.3 s late, as on a busy machine.
#include <dlfcn.h>
#include <pthread.h>
#include <sys/uio.h>
#include <unistd.h>

#include <atomic>

namespace {

constexpr useconds_t kDelay = 300'000;
std::atomic<bool> answered{false};

}  // namespace

extern "C" ssize_t writev(int fd, const iovec* parts, int count) {
  using Call = ssize_t (*)(int, const iovec*, int);
  static const auto real = reinterpret_cast<Call>(dlsym(RTLD_NEXT, "writev"));
  answered = true;
  return real(fd, parts, count);
}

extern "C" int pthread_create(pthread_t* thread, const pthread_attr_t* attributes,
                              void* (*run)(void*), void* argument) noexcept {
  using Call = int (*)(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*);
  static const auto real = reinterpret_cast<Call>(dlsym(RTLD_NEXT, "pthread_create"));
  if (answered) usleep(kDelay);
  return real(thread, attributes, run, argument);
}

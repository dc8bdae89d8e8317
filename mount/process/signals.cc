#include "mount/process/signals.h"

#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "fs/base/log.h"

namespace scratchfs::mount {

namespace {

sigset_t ending_signals() {
  sigset_t set;
  ::sigemptyset(&set);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) ::sigaddset(&set, signal);
  return set;
}

}  // namespace

void block_signals() {
  const sigset_t set = ending_signals();
  ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
  ::signal(SIGXFSZ, SIG_IGN);
}

int open_signals(int flags) {
  const sigset_t set = ending_signals();
  return ::signalfd(-1, &set, flags);
}

SignalWatch::SignalWatch(std::function<void()> stop, std::function<void()> hang_up)
    : stop_(std::move(stop)),
      hang_up_(std::move(hang_up)),
      end_(::eventfd(0, EFD_CLOEXEC)),
      thread_([this] { run(); }) {}

SignalWatch::~SignalWatch() {
  ::eventfd_write(end_.get(), 1);
  thread_.join();
}

void SignalWatch::run() {
  const base::Descriptor signals(open_signals(SFD_CLOEXEC));
  if (!signals.valid()) {
    log::error("signals cannot be received: {}", strerrordesc_np(errno));
    return;
  }
  std::array<pollfd, 2> waited{{{signals.get(), POLLIN, 0}, {end_.get(), POLLIN, 0}}};
  for (;;) {
    if (::poll(waited.data(), waited.size(), -1) < 0 && errno != EINTR) break;
    if (waited[1].revents != 0) break;
    signalfd_siginfo info{};
    if (waited[0].revents == 0 || ::read(signals.get(), &info, sizeof info) != sizeof info)
      continue;
    if (info.ssi_signo == SIGHUP && hang_up_) {
      // Retries until it succeeds, but another signal or the end of the watch takes precedence.
      while (!shortage_.survives(hang_up_) && ::poll(waited.data(), waited.size(), 0) == 0)
        continue;
      continue;
    }
    log::info("signal {}: unmounting", info.ssi_signo);
    stop_();
  }
}

}  // namespace scratchfs::mount

#include "mount/process/signals.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <functional>
#include <future>
#include <new>
#include <utility>

namespace scratchfs::mount {
namespace {

using namespace std::chrono_literals;

// Runs `test` in a child process, where every thread blocks the signals, and returns its result. In
// this process a signal would be delivered to any thread that does not block it.
bool in_child(const std::function<bool()>& test) {
  const pid_t child = ::fork();
  if (child == 0) {
    block_signals();
    ::_exit(test() ? 0 : 1);
  }
  int status = 0;
  return ::waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

bool hears(int signal) {
  ::kill(::getpid(), signal);
  std::promise<void> heard;
  auto future = heard.get_future();
  const SignalWatch watch([&] { heard.set_value(); });
  return future.wait_for(10s) == std::future_status::ready;
}

TEST(SignalWatch, CallsStopEvenForASignalThatCameBeforeItWasMade) {
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) {
    EXPECT_TRUE(in_child([signal] { return hears(signal); })) << signal;
  }
}

TEST(SignalWatch, SighupIsNoEndWhereItHasAnotherMeaning) {
  EXPECT_TRUE(in_child([] {
    ::kill(::getpid(), SIGHUP);
    bool stopped = false;
    std::promise<void> hung_up;
    auto future = hung_up.get_future();
    const SignalWatch watch([&] { stopped = true; }, [&] { hung_up.set_value(); });
    return future.wait_for(10s) == std::future_status::ready && !stopped;
  }));
}

TEST(SignalWatch, WhatSighupAsksForIsTriedAgainWhereThereIsNoMemoryForIt) {
  EXPECT_TRUE(in_child([] {
    ::kill(::getpid(), SIGHUP);
    int calls = 0;
    std::promise<void> hung_up;
    auto future = hung_up.get_future();
    const SignalWatch watch([] {},
                            [&] {
                              if (++calls < 3) throw std::bad_alloc();
                              hung_up.set_value();
                            });
    return future.wait_for(10s) == std::future_status::ready && calls == 3;
  }));
}

TEST(SignalWatch, HearsOfTheEndWhereThereIsNoMemoryForSighup) {
  EXPECT_TRUE(in_child([] {
    ::kill(::getpid(), SIGHUP);
    std::promise<void> stopped;
    auto future = stopped.get_future();
    bool called = false;
    const SignalWatch watch([&] { stopped.set_value(); },
                            [&] {
                              if (!std::exchange(called, true)) ::kill(::getpid(), SIGTERM);
                              throw std::bad_alloc();
                            });
    return future.wait_for(10s) == std::future_status::ready;
  }));
}

TEST(SignalWatch, EndsWhereThereIsNoMemoryEither) {
  EXPECT_TRUE(in_child([] {
    ::kill(::getpid(), SIGHUP);
    bool called = false;
    std::promise<void> hung_up;
    auto future = hung_up.get_future();
    const SignalWatch watch([] {},
                            [&] {
                              if (!std::exchange(called, true)) hung_up.set_value();
                              throw std::bad_alloc();
                            });
    return future.wait_for(10s) == std::future_status::ready;
  }));
}

TEST(SignalWatch, EndsWithoutASignalToo) {
  EXPECT_TRUE(in_child([] {
    bool called = false;
    {
      const SignalWatch watch([&] { called = true; });
    }
    return !called;
  }));
}

TEST(SignalWatch, AWriteToNobodyIsNoEnd) {
  EXPECT_TRUE(in_child([] {
    int pipe[2];
    if (::pipe(pipe) != 0) return false;
    ::close(pipe[0]);
    return ::write(pipe[1], "x", 1) < 0;
  }));
}

}  // namespace
}  // namespace scratchfs::mount

#include "fs/base/background.h"

#include <gtest/gtest.h>
#include <pthread.h>
#include <signal.h>

#include <string>

namespace scratchfs::base {
namespace {

TEST(Background, ThreadsTakeNoSignalAndHaveAName) {
  sigset_t mask;
  sigemptyset(&mask);
  char name[16] = {};
  start_thread("a-name", [&] {
    pthread_sigmask(SIG_BLOCK, nullptr, &mask);
    pthread_getname_np(pthread_self(), name, sizeof name);
  })->join();
  EXPECT_EQ(std::string(name), "a-name");
  EXPECT_EQ(sigismember(&mask, SIGTERM), 1);
  EXPECT_EQ(sigismember(&mask, SIGINT), 1);
  pthread_sigmask(SIG_BLOCK, nullptr, &mask);
  EXPECT_EQ(sigismember(&mask, SIGTERM), 0) << "the caller's mask is as before";
}

}  // namespace
}  // namespace scratchfs::base

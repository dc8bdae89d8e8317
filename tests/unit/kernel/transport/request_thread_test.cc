#include "fs/kernel/transport/request_thread.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <memory>
#include <thread>

namespace scratchfs::kernel {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

// A thread that waits for bytes from a pipe as a reader waits for requests or, if `busy`, runs
// without ever waiting.
class RequestThreadTest : public testing::Test {
 protected:
  void start(bool says_it_waits, bool busy) {
    ASSERT_EQ(pipe(pipe_), 0);
    thread_ = std::thread([=, this] {
      RequestThread request_thread;
      if (says_it_waits) request_thread.waits();
      request_thread_ = &request_thread;
      request_thread_.notify_one();
      char byte = 0;
      while (busy && !stop_) {
      }
      EXPECT_EQ(read(pipe_[0], &byte, 1), 1);
      request_thread.goes_on();
      handled_ = true;
      while (!stop_) std::this_thread::yield();
    });
    request_thread_.wait(nullptr);
  }
  void TearDown() override {
    stop_ = true;
    EXPECT_EQ(write(pipe_[1], "x", 1), 1);
    thread_.join();
    close(pipe_[0]);
    close(pipe_[1]);
  }

  int pipe_[2] = {};
  std::atomic<const RequestThread*> request_thread_ = nullptr;
  std::atomic<bool> stop_ = false;
  std::atomic<bool> handled_ = false;
  std::thread thread_;
};

TEST_F(RequestThreadTest, IsIdleWhileItSleepsInTheKernel) {
  start(true, false);
  EXPECT_TRUE(request_thread_.load()->was_idle_by(steady_clock::now() + 10s));
}

TEST_F(RequestThreadTest, IsNotIdleOnceItWasSentSomething) {
  start(true, false);
  ASSERT_TRUE(request_thread_.load()->was_idle_by(steady_clock::now() + 10s));
  EXPECT_EQ(write(pipe_[1], "x", 1), 1);
  // The write wakes the thread, which is then busy.
  EXPECT_FALSE(request_thread_.load()->is_idle());
  while (!handled_) std::this_thread::yield();
  EXPECT_FALSE(request_thread_.load()->is_idle());
}

TEST_F(RequestThreadTest, IsNotIdleWhereItSleepsOverARequest) {
  start(false, false);
  EXPECT_FALSE(request_thread_.load()->was_idle_by(steady_clock::now() + 20ms));
}

TEST_F(RequestThreadTest, IsNotIdleWhileItRunsOnItsWayToWait) {
  start(true, true);
  EXPECT_FALSE(request_thread_.load()->was_idle_by(steady_clock::now() + 20ms));
}

}  // namespace
}  // namespace scratchfs::kernel

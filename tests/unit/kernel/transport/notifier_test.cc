#include "fs/kernel/transport/notifier.h"

#include <gtest/gtest.h>
#include <linux/fuse.h>

#include <algorithm>
#include <memory>
#include <thread>

#include "tests/fakes/fake_kernel.h"
#include "tests/unit/kernel/transport/body_of.h"

namespace scratchfs::kernel {
namespace {

fuse_lowlevel_ops no_operations() {
  fuse_lowlevel_ops operations{};
  operations.init = [](void*, fuse_conn_info*) {};
  return operations;
}

class NotifierTest : public testing::Test {
 protected:
  NotifierTest() { kernel.initialize(); }

  test::FakeKernel kernel{no_operations(), nullptr};
  Notifier notifier;
};

TEST_F(NotifierTest, TellsOfANameThatIsGone) {
  notifier.start(kernel.session());
  notifier.name_gone(3, 9, "gone", nullptr);
  const test::Message message = kernel.await(1)[0];
  EXPECT_EQ(message.unique, 0U);
  EXPECT_EQ(message.error, FUSE_NOTIFY_DELETE);
  const auto out = body_of<fuse_notify_delete_out>(message);
  EXPECT_EQ(out.parent, 3U);
  EXPECT_EQ(out.child, 9U);
  EXPECT_EQ(message.text().substr(sizeof out), std::string("gone") + '\0');
}

TEST_F(NotifierTest, TellsOfANameThatMustBeAskedAbout) {
  notifier.start(kernel.session());
  notifier.name_expired(3, "old");
  const test::Message message = kernel.await(1)[0];
  EXPECT_EQ(message.error, FUSE_NOTIFY_INVAL_ENTRY);
  EXPECT_EQ(body_of<fuse_notify_inval_entry_out>(message).parent, 3U);
}

TEST_F(NotifierTest, TellsOfAChangedModeBeforeItReturnsAndLeavesPagesAlone) {
  notifier.start(kernel.session());
  notifier.mode_changed(8);
  ASSERT_EQ(kernel.messages().size(), 1U);
  const test::Message message = kernel.messages()[0];
  EXPECT_EQ(message.error, FUSE_NOTIFY_INVAL_INODE);
  EXPECT_EQ(body_of<fuse_notify_inval_inode_out>(message).ino, 8U);
  EXPECT_LT(body_of<fuse_notify_inval_inode_out>(message).off, 0);
}

TEST_F(NotifierTest, SaysNothingOfAModeAfterItsEnd) {
  notifier.start(kernel.session());
  notifier.stop();
  notifier.mode_changed(8);
  EXPECT_TRUE(kernel.messages().empty());
}

TEST_F(NotifierTest, SendsWhatWasQueuedBeforeItStartedAndTheLastWordOnly) {
  for (int i = 0; i < 100; ++i) notifier.name_expired(3, "name");
  notifier.name_gone(3, 9, "name", nullptr);
  notifier.start(kernel.session());
  kernel.await(1);
  notifier.stop();
  ASSERT_EQ(kernel.messages().size(), 1U);
  EXPECT_EQ(kernel.messages()[0].error, FUSE_NOTIFY_DELETE);
}

TEST_F(NotifierTest, WhoHasManyWaitsUntilFewAreQueued) {
  for (int i = 0; i < 1000; ++i) notifier.name_gone(3, 9, std::to_string(i), nullptr);
  notifier.wait_for_room(std::chrono::milliseconds(1));
  EXPECT_TRUE(kernel.messages().empty()) << "no longer than its timeout";
  std::atomic<bool> has_room = false;
  std::thread waiting([&] {
    notifier.wait_for_room(std::chrono::minutes(1));
    has_room = true;
  });
  notifier.start(kernel.session());
  while (!has_room) (void)kernel.messages();  // receives what has been sent, which makes room
  waiting.join();
  EXPECT_GE(kernel.messages().size(), 740U);
}

TEST_F(NotifierTest, TooManyAreReplacedByOneThatCoversAll) {
  for (int i = 0; i < 200'000; ++i) notifier.name_gone(3, 9, std::to_string(i), nullptr);
  notifier.start(kernel.session());
  kernel.await(1);
  notifier.stop();
  ASSERT_EQ(kernel.messages().size(), 1U);
  constexpr int kIncrementEpoch = 8;  // FUSE_NOTIFY_INC_EPOCH, since protocol 7.44
  EXPECT_EQ(kernel.messages()[0].error, kIncrementEpoch);
}

TEST_F(NotifierTest, DropsNoneThatKeepsSomethingUntilItIsTold) {
  constexpr std::size_t kMany = 100'000;
  const auto kept = std::make_shared<int>();
  for (std::size_t i = 0; i < kMany; ++i) notifier.name_gone(3, 9, std::to_string(i), kept);
  EXPECT_FALSE(notifier.is_idle());
  notifier.start(kernel.session());
  const auto messages = kernel.await(kMany);
  for (const test::Message& message : messages) ASSERT_EQ(message.error, FUSE_NOTIFY_DELETE);
  while (!notifier.is_idle()) std::this_thread::yield();
  EXPECT_EQ(kept.use_count(), 1) << "what was told is kept no longer";
}

TEST_F(NotifierTest, IsQuietAfterStop) {
  notifier.start(kernel.session());
  notifier.stop();
  notifier.name_gone(3, 9, "late", nullptr);
  notifier.stop();
  EXPECT_TRUE(kernel.messages().empty());
}

TEST_F(NotifierTest, GoesOnWhereTheKernelTakesANoticeNot) {
  kernel.set_deaf(true);
  notifier.start(kernel.session());
  for (int i = 0; i < 100; ++i) notifier.name_gone(3, 9, std::to_string(i), nullptr);
  kernel.set_deaf(false);
  notifier.name_gone(3, 9, "last", nullptr);
  const auto is_last = [](const test::Message& message) {
    return message.text().find("last") != std::string::npos;
  };
  std::size_t count = 1;
  while (std::ranges::none_of(kernel.await(count), is_last)) ++count;
}

}  // namespace
}  // namespace scratchfs::kernel

#include "fs/kernel/transport/request.h"

#include <gtest/gtest.h>
#include <linux/fuse.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <thread>
#include <utility>
#include <vector>

#include "tests/fakes/fake_kernel.h"
#include "tests/unit/kernel/transport/body_of.h"

namespace scratchfs::kernel {
namespace {

// Passes each LOOKUP to `on_request`.
class RequestTest : public testing::Test {
 protected:
  static fuse_lowlevel_ops operations() {
    fuse_lowlevel_ops operations{};
    operations.lookup = [](fuse_req_t raw, fuse_ino_t parent, const char*) {
      static_cast<RequestTest*>(fuse_req_userdata(raw))
          ->on_request(Request(raw, Opcode::lookup, parent));
    };
    return operations;
  }
  RequestTest() : kernel(operations(), this) { kernel.initialize(); }

  // Answers a LOOKUP with `reply`; returns the message that the kernel receives.
  template <typename Reply>
  test::Message answered(const Reply& reply) {
    on_request = [&reply](Request request) { request.answer(reply); };
    const std::uint64_t unique = kernel.lookup(1, "name");
    const auto messages = kernel.messages();
    EXPECT_EQ(messages.size(), ++answers);
    EXPECT_EQ(messages.back().unique, unique);
    return messages.back();
  }

  std::function<void(Request)> on_request;
  test::FakeKernel kernel;
  std::size_t answers = 0;
};

TEST_F(RequestTest, KnowsWhoAsks) {
  tree::Caller caller;
  on_request = [&](Request request) {
    caller = request.caller();
    EXPECT_EQ(request.opcode(), Opcode::lookup);
    EXPECT_EQ(request.inode(), 7U);
    EXPECT_EQ(request.ring(), nullptr);
    request.answer(Done());
  };
  kernel.lookup(7, "name");
  EXPECT_EQ(caller.uid, 1000U);
  EXPECT_EQ(caller.gid, 100U);
  EXPECT_EQ(caller.pid, 42);
}

TEST_F(RequestTest, SendsEachKindOfReply) {
  EXPECT_EQ(answered(Done()).error, 0);
  EXPECT_EQ(answered(base::Errno(EDQUOT)).error, -EDQUOT);
  EXPECT_EQ(answered(Text{"target"}).text(), "target");
  EXPECT_EQ(body_of<fuse_write_out>(answered(Written{5})).size, 5U);
  EXPECT_EQ(body_of<fuse_getxattr_out>(answered(XattrSize{9})).size, 9U);
  EXPECT_EQ(body_of<fuse_lseek_out>(answered(Offset{1L << 40})).offset, 1UL << 40);
  const std::string data = "some data";
  EXPECT_EQ(answered(Bytes{std::as_bytes(std::span(data))}).text(), data);
  EXPECT_EQ(answered(DirectoryReply{std::as_bytes(std::span(data)), {}, {}}).text(), data);
  EntryReply entry;
  entry.entry.ino = 77;
  EXPECT_EQ(body_of<fuse_entry_out>(answered(entry)).nodeid, 77U);
  OpenedReply opened;
  opened.file.fh = 78;
  EXPECT_EQ(body_of<fuse_open_out>(answered(opened)).fh, 78U);
  CreatedReply created;
  created.entry.ino = 79;
  EXPECT_EQ(body_of<fuse_entry_out>(answered(created)).nodeid, 79U);
  Attr attr;
  attr.stat.st_size = 80;
  attr.timeout = 2;
  EXPECT_EQ(body_of<fuse_attr_out>(answered(attr)).attr.size, 80U);
  EXPECT_EQ(body_of<fuse_attr_out>(answered(attr)).attr_valid, 2U);
  Statfs statfs;
  statfs.statvfs.f_blocks = 81;
  EXPECT_EQ(body_of<fuse_statfs_out>(answered(statfs)).st.blocks, 81U);
}

TEST_F(RequestTest, AVariantAnswersWithWhatItHolds) {
  using Either = std::variant<Text, XattrSize>;
  EXPECT_EQ(answered(Either(Text{"value"})).text(), "value");
  EXPECT_EQ(body_of<fuse_getxattr_out>(answered(Either(XattrSize{4}))).size, 4U);
}

TEST_F(RequestTest, StatxCarriesTheBirthTime) {
  StatxAttr reply;
  reply.statx.stx_mask = STATX_BTIME;
  reply.statx.stx_btime.tv_sec = 123;
  const test::Message message = answered(reply);
  struct statx sent {};
  constexpr std::size_t kBefore = 32;  // offset of the statx in fuse_statx_out
  ASSERT_GE(message.body.size(), kBefore + sizeof sent);
  std::memcpy(&sent, message.body.data() + kBefore, sizeof sent);
  EXPECT_EQ(sent.stx_btime.tv_sec, 123);
}

TEST_F(RequestTest, NoReplySendsNothing) {
  on_request = [](Request request) { request.answer(NoReply()); };
  kernel.lookup(1, "name");
  EXPECT_TRUE(kernel.messages().empty());
}

TEST_F(RequestTest, LeftUnansweredItAnswersWithAnIoError) {
  on_request = [](Request) {};
  kernel.lookup(1, "name");
  ASSERT_EQ(kernel.messages().size(), 1U);
  EXPECT_EQ(kernel.messages()[0].error, -EIO);
}

TEST_F(RequestTest, AMovedOneIsAnsweredOnceAndFromAnyThread) {
  std::vector<Request> kept;
  on_request = [&](Request request) { kept.push_back(std::move(request)); };
  const std::uint64_t unique = kernel.lookup(1, "name");
  EXPECT_TRUE(kernel.messages().empty());
  std::thread([&] { kept[0].answer(base::Errno(ENOENT)); }).join();
  kept.clear();
  ASSERT_EQ(kernel.messages().size(), 1U);
  EXPECT_EQ(kernel.messages()[0].unique, unique);
  EXPECT_EQ(kernel.messages()[0].error, -ENOENT);
}

TEST_F(RequestTest, WhatTheKernelDoesNotTakeIsUndone) {
  std::vector<std::pair<tree::InodeId, std::uint64_t>> undone;
  Undo undo;
  undo.function = [](void* object, tree::InodeId inode, std::uint64_t handle) {
    static_cast<decltype(undone)*>(object)->emplace_back(inode, handle);
  };
  undo.object = &undone;
  undo.inode = 5;
  undo.handle = 6;

  EntryReply entry;
  entry.undo = undo;
  answered(entry);
  EXPECT_TRUE(undone.empty());

  kernel.set_deaf(true);
  on_request = [&](Request request) { request.answer(entry); };
  kernel.lookup(1, "name");
  EXPECT_EQ(undone, (decltype(undone){{5, 6}}));

  undone.clear();
  on_request = [&](Request request) { request.answer(DirectoryReply{{}, {10, 11}, undo}); };
  kernel.lookup(1, "name");
  EXPECT_EQ(undone, (decltype(undone){{10, 6}, {11, 6}}));
}

TEST_F(RequestTest, TheReplyBufferHasTheSizeAskedForAndIsUsedAgain) {
  on_request = [](Request request) {
    const auto large = request.reply_buffer(1U << 20);
    EXPECT_EQ(large.size(), 1U << 20);
    std::fill(large.begin(), large.end(), std::byte{1});
    const auto small = request.reply_buffer(100);
    EXPECT_EQ(small.size(), 100U);
    EXPECT_EQ(small.data(), large.data());
    request.answer(Bytes{small});
  };
  kernel.lookup(1, "name");
  EXPECT_EQ(kernel.messages()[0].body, std::vector<std::byte>(100, std::byte{1}));
}

}  // namespace
}  // namespace scratchfs::kernel

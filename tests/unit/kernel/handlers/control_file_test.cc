#include "fs/kernel/handlers/control_file.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace scratchfs::kernel {
namespace {

constexpr uid_t kOwner = 1000;
constexpr uid_t kUser = 1001;
constexpr uid_t kOther = 1002;

class ControlFileTest : public testing::Test {
 protected:
  base::Result<std::uint64_t> open(uid_t uid) {
    return file_.open({.uid = uid, .gid = uid, .pid = 77, .umask = 0});
  }
  std::uint64_t opened(uid_t uid) {
    const auto handle = open(uid);
    EXPECT_TRUE(handle) << uid;
    return handle ? *handle : 0;
  }
  std::string read(std::uint64_t handle, std::size_t size, std::uint64_t offset) {
    const auto text = file_.read(handle, size, offset);
    return text ? *text : "none";
  }

  ControlFile file_{[](const ControlRequest& request) {
                      return std::to_string(request.uid) + "/" + std::to_string(request.thread) +
                             ": " + std::string(request.text);
                    },
                    kOwner};
};

TEST_F(ControlFileTest, WhoOpenedAsks) {
  const std::uint64_t handle = opened(kUser);
  EXPECT_EQ(*file_.write(handle, "what"), 4U);
  EXPECT_EQ(read(handle, 100, 0), "1001/77: what");
  EXPECT_EQ(read(opened(kOther), 100, 0), "") << "each handle has its own answer";
}

TEST_F(ControlFileTest, AnAnswerIsKeptUntilItHasBeenReadToItsEnd) {
  const std::uint64_t handle = opened(kUser);
  EXPECT_TRUE(file_.write(handle, "what"));
  EXPECT_EQ(read(handle, 8, 0), "1001/77:");
  EXPECT_EQ(read(handle, 8, 0), "1001/77:");
  EXPECT_EQ(read(handle, 8, 8), " what");
  EXPECT_EQ(read(handle, 8, 13), "");
  EXPECT_EQ(read(handle, 8, 0), "");
}

TEST_F(ControlFileTest, AUserHasSoManyHandlesAndOthersTheirOwn) {
  std::vector<std::uint64_t> handles;
  for (std::size_t i = 0; i < kMaxControlHandles; ++i) handles.push_back(opened(kUser));
  EXPECT_TRUE(open(kUser).is(base::Errno{ENFILE}));
  opened(kOther);
  file_.release(handles.back());
  opened(kUser);
  EXPECT_TRUE(open(kUser).is(base::Errno{ENFILE}));
}

TEST_F(ControlFileTest, NobodyKeepsRootAndWhoMountedOut) {
  for (std::size_t i = 0; i < kMaxControlHandlesOfAll; ++i) {
    opened(static_cast<uid_t>(5000 + i / kMaxControlHandles));
  }
  EXPECT_TRUE(open(kUser).is(base::Errno{ENFILE}));
  for (std::size_t i = 0; i <= kMaxControlHandles; ++i) {
    opened(0);
    opened(kOwner);
  }
}

TEST_F(ControlFileTest, WhatIsNotOpenOrTooLongIsRefused) {
  const std::uint64_t handle = opened(kUser);
  EXPECT_TRUE(
      file_.write(handle, std::string(kMaxControlRequest + 1, ' ')).is(base::Errno{EMSGSIZE}));
  file_.release(handle);
  file_.release(handle);
  EXPECT_TRUE(file_.write(handle, "what").is(base::Errno{EBADF}));
  EXPECT_TRUE(file_.read(handle, 1, 0).is(base::Errno{EBADF}));
}

}  // namespace
}  // namespace scratchfs::kernel

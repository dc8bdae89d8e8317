#include "fs/kernel/transport/connection.h"

#include <gtest/gtest.h>

namespace scratchfs::kernel {
namespace {

class ConnectionTest : public testing::Test {
 protected:
  base::Result<std::unique_ptr<Connection>, base::Failure> create() {
    const fuse_lowlevel_ops operations{};
    return Connection::create(operations, nullptr, parking, notifier, options);
  }

  Parking parking{1};
  Notifier notifier;
  SessionOptions options{.io_uring = IoUring::off};
};

TEST_F(ConnectionTest, HasNoMountBeforeItIsMounted) {
  auto connection = create();
  ASSERT_TRUE(connection);
  EXPECT_EQ((*connection)->mounted().id.number, -1);
  EXPECT_EQ((*connection)->rings(), 0U);
}

TEST_F(ConnectionTest, AnUnknownOptionIsNamed) {
  options.mount_options = {"noexec", "no_such_option=1"};
  auto connection = create();
  ASSERT_FALSE(connection);
  EXPECT_NE(connection.error().message.find("no_such_option=1"), std::string::npos)
      << connection.error().message;
  EXPECT_EQ(connection.error().message.find('\n'), std::string::npos);
}

TEST_F(ConnectionTest, OddSourcesAreTakenAsTheyAre) {
  options.source = "a,b\\c";
  EXPECT_TRUE(create());
}

TEST_F(ConnectionTest, AMountpointThatIsMissingIsNamedWithTheReason) {
  auto connection = create();
  ASSERT_TRUE(connection);
  auto mounted = (*connection)->mount("/no/such/place", base::Descriptor(-1));
  ASSERT_FALSE(mounted);
  const std::string& why = mounted.error().message;
  EXPECT_TRUE(why.starts_with("/no/such/place: ") && why.ends_with("No such file or directory"))
      << why;
  EXPECT_EQ((*connection)->mounted().id.number, -1);
}

}  // namespace
}  // namespace scratchfs::kernel

#include "fs/kernel/transport/libfuse_log.h"

#include <gtest/gtest.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

#include <cstdlib>
#include <memory>
#include <sstream>

#include "fs/kernel/transport/fuse.h"

namespace scratchfs::kernel {
namespace {

TEST(LibfuseLog, LeadsToOurLogWithTheSameLevel) {
  std::ostringstream out;
  const auto before = spdlog::default_logger();
  spdlog::set_default_logger(std::make_shared<spdlog::logger>(
      "test", std::make_shared<spdlog::sinks::ostream_sink_mt>(out)));
  spdlog::set_pattern("%l: %v");
  install_libfuse_log();
  fuse_log(FUSE_LOG_ERR, "fuse: cannot %s\n", "do it");
  fuse_log(FUSE_LOG_WARNING, "careful");
  spdlog::set_default_logger(before);
  EXPECT_EQ(out.str(), "error: libfuse: cannot do it\nwarning: libfuse: careful\n");
}

TEST(MessageCapture, KeepsWhatLibfuseAndChildProcessesSayAsOneLine) {
  install_libfuse_log();
  MessageCapture said;
  fuse_log(FUSE_LOG_ERR, "fuse: mount failed: %s\n", "Invalid argument");
  ASSERT_EQ(std::system("echo fusermount3: not allowed >&2; echo really >&2"), 0);
  EXPECT_EQ(said.text(), "mount failed: Invalid argument; fusermount3: not allowed; really");
}

TEST(MessageCapture, IsEmptyWhereNothingWasSaid) {
  MessageCapture said;
  EXPECT_EQ(said.text(), "");
}

}  // namespace
}  // namespace scratchfs::kernel

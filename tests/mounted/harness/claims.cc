#include "tests/mounted/harness/claims.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include "tests/mounted/harness/fd.h"
#include "tests/mounted/harness/look.h"
#include "tests/mounted/harness/pace.h"

namespace scratchfs::harness {

void claim(const std::string& path) {
  EXPECT_TRUE(Fd(open(path.c_str(), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600)).valid()) << path;
}

bool gone_soon(const std::string& path) {
  return eventually([&] { return !exists(path); }, kSweepSeconds);
}

bool goes(const std::string& path) {
  return eventually([&] { return !exists(path); }, kLongEnough);
}

Child process(const Who& who, const std::function<void()>& makes) {
  Child child(who, [&](Channel& channel) {
    makes();
    channel.send("made");
    channel.receive();
  });
  child.receive();
  return child;
}

void end(Child& child) {
  child.send("end");
  child.join();
}

}  // namespace scratchfs::harness

#include "tests/mounted/harness/loop_disk.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "tests/mounted/harness/command.h"
#include "tests/mounted/harness/keeper.h"
#include "tests/mounted/harness/take_away.h"

namespace scratchfs::harness {
namespace {

std::vector<std::string> make_command(LoopDisk::Type type) {
  if (type == LoopDisk::Type::btrfs) return {"mkfs.btrfs", "--quiet"};
  // Writes all tables now; later they would take space that a test counts.
  return {"mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0"};
}

}  // namespace

LoopDisk::LoopDisk(unsigned mebibytes, Type type) : path_(make_directory("loop-disk")) {
  image_ = path_ + ".image";
  EXPECT_EQ(run({"truncate", "-s", std::to_string(mebibytes) + "M", image_}).code, 0);
  std::vector<std::string> make = make_command(type);
  make.push_back(image_);
  const Finished made = run(make);
  EXPECT_EQ(made.code, 0) << made.err;
  const Finished mounted = run({"mount", "-o", "loop", image_, path_});
  EXPECT_EQ(mounted.code, 0) << mounted.err;
}

LoopDisk::~LoopDisk() {
  take_away(path_);
  unlink(image_.c_str());
}

}  // namespace scratchfs::harness

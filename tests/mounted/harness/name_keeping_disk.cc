#include "tests/mounted/harness/name_keeping_disk.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "tests/mounted/harness/command.h"
#include "tests/mounted/harness/environment.h"
#include "tests/mounted/harness/keeper.h"
#include "tests/mounted/harness/take_away.h"

namespace scratchfs::harness {

NameKeepingDisk::NameKeepingDisk()
    : below_(make_directory("name-keeping-below")), path_(make_directory("name-keeping")) {
  ensure_environment();
  // The build puts the program next to the tests.
  const auto program =
      std::filesystem::read_symlink("/proc/self/exe").replace_filename("scratchfs_name_keeping");
  const Finished mounted = run({program, below_, path_});
  EXPECT_EQ(mounted.code, 0) << mounted.err;
}

NameKeepingDisk::~NameKeepingDisk() { take_away(path_); }

std::vector<std::string> NameKeepingDisk::names() const {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(below_)) {
    names.push_back(entry.path().filename());
  }
  return names;
}

}  // namespace scratchfs::harness

#include "tests/mounted/harness/preload.h"

#include <filesystem>

#include "tests/mounted/harness/keeper.h"

namespace scratchfs::harness {

// Through a link, because ld.so splits LD_PRELOAD at blanks and colons, which the build directory's
// path may contain.
std::string preload(const std::string& name) {
  const auto built = std::filesystem::read_symlink("/proc/self/exe")
                         .replace_filename("libscratchfs_" + name + ".so");
  const std::string link = make_directory("preload") + "/" + name + ".so";
  std::filesystem::create_symlink(built, link);
  return "LD_PRELOAD=" + link;
}

}  // namespace scratchfs::harness

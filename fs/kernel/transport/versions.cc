#include "fs/kernel/transport/versions.h"

#include <fmt/core.h>

#include "fs/kernel/transport/fuse.h"
#include "fs/kernel/transport/io_uring_choice.h"

namespace scratchfs::kernel {

std::string libfuse_version() { return fuse_pkgversion(); }

std::string usual_transport() {
  const auto choice = choose_io_uring(IoUring::automatic, io_uring_facts());
  if (choice && choice->use) return "FUSE over io_uring";
  return fmt::format("/dev/fuse ({})", choice ? choice->why_not : choice.error().message);
}

}  // namespace scratchfs::kernel

#include "mount/commands/version.h"

#include <fmt/core.h>
#include <sys/utsname.h>

#include "fs/kernel/transport/versions.h"

namespace scratchfs::mount {

std::string version_text() {
  utsname machine{};
  ::uname(&machine);
  return fmt::format("scratchfs " SCRATCHFS_VERSION "\nlibfuse {}\n{} {}: {}",
                     kernel::libfuse_version(), machine.sysname, machine.release,
                     kernel::usual_transport());
}

}  // namespace scratchfs::mount

// State shared by all handlers; libfuse's userdata points to it.
#pragma once

#include "fs/kernel/handlers/control_file.h"
#include "fs/kernel/metrics/write_totals.h"
#include "fs/kernel/transport/fuse.h"
#include "fs/kernel/transport/reply_memory.h"
#include "fs/kernel/transport/run_or_park.h"
#include "fs/tree/tree.h"

namespace scratchfs::kernel {

struct Context : Transport {
  tree::Tree& tree;
  ControlFile control;
  Writers writers{};
  ReplyRoom reply_room{};
};

inline Context& context_of(fuse_req_t raw) {
  return *static_cast<Context*>(fuse_req_userdata(raw));
}

}  // namespace scratchfs::kernel

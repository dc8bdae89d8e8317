// What the handlers share; libfuse's userdata.
#pragma once

#include "fs/kernel/control_file.h"
#include "fs/kernel/fuse.h"
#include "fs/kernel/notifier.h"
#include "fs/kernel/options.h"
#include "fs/kernel/reply_memory.h"
#include "fs/kernel/serve.h"
#include "fs/kernel/writers.h"
#include "fs/tree/tree.h"

namespace scratchfs::kernel {

struct Context : Transport {
  tree::Tree& tree;
  Notifier& notifier;
  ControlFile control;
  const SessionOptions options;
  Writers writers{};
  ReplyRoom reply_room{};
};

inline Context& context_of(fuse_req_t raw) {
  return *static_cast<Context*>(fuse_req_userdata(raw));
}

}  // namespace scratchfs::kernel

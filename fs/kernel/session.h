// A FUSE mount: the connection to the kernel, its transport and its request loop.
// mount/ includes this header, versions.h and some types; none of them exposes anything of libfuse.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "fs/base/descriptor.h"
#include "fs/base/result.h"
#include "fs/kernel/handlers/control.h"
#include "fs/kernel/metrics/latency.h"
#include "fs/kernel/metrics/write_totals.h"
#include "fs/kernel/transport/options.h"
#include "fs/mounts/own_mount.h"
#include "fs/tree/tree.h"

namespace scratchfs::kernel {

struct SessionStats {
  bool io_uring = false;
  unsigned rings = 0;
  unsigned ring_depth = 0;
  std::uint64_t ring_bytes = 0;    // upper bound for all entries; they take memory on first use
  std::uint64_t parked = 0;        // requests parked now
  std::uint64_t parked_total = 0;  // since the start
  struct Requests {
    std::string name;  // opcode
    Latencies total;   // since the start
    Latencies recent;  // within the last `recent_span`
  };
  std::vector<Requests> requests;          // answered requests, by opcode
  std::chrono::nanoseconds recent_span{};  // one minute, or the time since the start if shorter
};

class Session {
 public:
  // Creates a session that is not mounted yet. Does not own `tree`, which must outlive it, as must
  // what `control` refers to.
  static base::Result<std::unique_ptr<Session>, base::Failure> create(tree::Tree& tree,
                                                                      ControlHandler control,
                                                                      SessionOptions options);
  virtual ~Session() = default;  // unmounts if still mounted

  // Mounts: with mount(2) as root, otherwise through fusermount3. `mountpoint` is absolute and free
  // of symbolic links; `directory` is a descriptor of it (O_PATH suffices) and is not owned.
  // mount(2) mounts on `directory` even if the path now leads elsewhere; in that case this fails.
  // The error message says what failed and what to do.
  virtual base::Result<void, base::Failure> mount(const std::string& mountpoint,
                                                  const base::Descriptor& directory) = 0;
  // Identifies the mount. REQUIRES: mount() has succeeded.
  virtual const mounts::Mount& mounted() const = 0;

  // Serves requests until the mount is gone (umount, fusermount3 -u, abort) or stop() is called,
  // then drains the parked requests and returns. Calls `ready` once, when INIT has been answered
  // and every ring runs.
  virtual base::Result<void, base::Failure> serve(const std::function<void()>& ready) = 0;
  // Makes serve() unmount and return. Callable from any thread, but not from a signal handler.
  virtual void stop() = 0;

  virtual SessionStats stats() const = 0;
  virtual std::vector<Writer> writers() const = 0;
};

}  // namespace scratchfs::kernel

// The mount as the kernel sees it: a FUSE connection, its transport, and the loop that serves it.
// With versions.h, what mount/ includes of this folder; it shows nothing of libfuse.
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
  std::uint64_t ring_bytes = 0;    // of all rings' entries at most: they take memory once used
  std::uint64_t parked = 0;        // now
  std::uint64_t parked_total = 0;  // since the start
  struct Requests {
    std::string name;  // of the kind
    Latencies total;   // since the start
    Latencies recent;  // of the last `recent_span`
  };
  std::vector<Requests> requests;          // answered, by kind
  std::chrono::nanoseconds recent_span{};  // a minute, or since the start
};

class Session {
 public:
  // Nothing is mounted yet. Neither reference is owned; both outlive the session.
  static base::Result<std::unique_ptr<Session>, base::Failure> create(tree::Tree& tree,
                                                                      ControlHandler control,
                                                                      SessionOptions options);
  ~Session();  // unmounts if still mounted
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // Mounts: as root by mount(2), else through fusermount3. `mountpoint` is absolute and
  // without symbolic links; `place` is that directory (O_PATH will do) and not owned. mount(2)
  // covers `place`, whatever the path leads to by now, and that is a failure if it is something
  // else. The message says what failed and what to do.
  base::Result<void, base::Failure> mount(const std::string& mountpoint,
                                          const base::Descriptor& place);
  // After mount(): which one it is.
  const mounts::Mount& mounted() const;
  // The descriptor of /dev/fuse; -1 before mount().
  int descriptor() const;

  // Serves requests until the mount is gone (umount, fusermount3 -u, abort) or stop() is called;
  // then answers what is parked, and returns. `ready` is called once, when the kernel's INIT is
  // answered and every ring runs.
  base::Result<void, base::Failure> serve(const std::function<void()>& ready);
  // Asks serve() to unmount and return. From any thread, not from a signal handler.
  void stop();

  SessionStats stats() const;
  std::vector<Writer> writers() const;

 private:
  class Impl;
  explicit Session(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace scratchfs::kernel

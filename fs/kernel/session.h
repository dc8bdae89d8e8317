// The mount as the kernel sees it: a FUSE connection, its transport, and the loop that serves it.
// The only header of this folder that mount/ includes; it shows nothing of libfuse.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

#include "fs/base/result.h"
#include "fs/tree/tree.h"

namespace scratchfs::kernel {

enum class IoUring : std::uint8_t { automatic, on, off };

struct SessionOptions {
  IoUring io_uring = IoUring::automatic;
  unsigned ring_depth = 32;               // ring entries per possible CPU
  unsigned max_workers = 64;              // threads that may wait on behalf of parked requests
  bool allow_other = false;
  std::string source = "scratchfs";       // what df and /proc/mounts show
  std::vector<std::string> mount_options; // further ones for libfuse and mount(2), each `name` or `name=value`
};

struct ControlRequest {
  std::string_view text;   // what the caller wrote
  uid_t uid;               // who the kernel says wrote it
};
// Answers a request on the control file. Called on a thread that may wait; must not touch the mount.
using ControlHandler = std::function<std::string(const ControlRequest&)>;

struct SessionStats {
  bool io_uring = false;
  unsigned rings = 0;
  unsigned ring_depth = 0;
  std::uint64_t parked = 0;        // now
  std::uint64_t parked_total = 0;  // since the start
  struct Opcode {
    std::string name;
    std::uint64_t count;
  };
  std::vector<Opcode> opcodes;     // requests since the start, by kind
};

class Session {
 public:
  // Nothing is mounted yet. Neither reference is owned; both outlive the session.
  static base::Result<std::unique_ptr<Session>, base::Failure> create(tree::Tree& tree, ControlHandler control,
                                                                      SessionOptions options);
  ~Session();  // unmounts if still mounted
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // Mounts: as root by mount(2), else through fusermount3. The message says what failed and what to do.
  base::Result<void, base::Failure> mount(const std::string& mountpoint);
  // The descriptor of /dev/fuse; -1 before mount().
  int descriptor() const;

  // Serves requests until the mount is gone (umount, fusermount3 -u, abort) or stop() is called; then answers what is
  // parked, and returns. `ready` is called once, when the kernel's INIT is answered and every ring runs.
  base::Result<void, base::Failure> serve(std::function<void()> ready);
  // Asks serve() to unmount and return. From any thread, not from a signal handler.
  void stop();

  SessionStats stats() const;

 private:
  class Impl;
  explicit Session(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace scratchfs::kernel

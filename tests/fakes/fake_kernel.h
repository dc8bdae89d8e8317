// FakeKernel: speaks the FUSE protocol to libfuse in memory, so that handlers are tested without a
// mount.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "fs/base/mutex.h"
#include "fs/kernel/transport/fuse.h"

namespace scratchfs::test {

// A message to the kernel: a reply, or a notification (then `unique` is 0 and `error` is its code).
struct Message {
  std::uint64_t unique = 0;
  int error = 0;  // negative errno
  std::vector<std::byte> body;

  std::string text() const;
};

// A socket takes the place of /dev/fuse.
class FakeKernel {
 public:
  FakeKernel(const fuse_lowlevel_ops& operations, void* userdata);
  ~FakeKernel();
  FakeKernel(const FakeKernel&) = delete;
  FakeKernel& operator=(const FakeKernel&) = delete;

  // Sends INIT as a kernel with every feature.
  void initialize();
  // The flags of the reply to INIT.
  std::uint64_t flags() const { return flags_; }
  std::uint32_t max_write() const { return max_write_; }

  // Sets who sends the requests; initially user 1000, group 100, process 42.
  void become(uid_t uid, gid_t gid, pid_t pid);
  // Sends a request, runs its handler, and returns the request's unique id. Overwrites the
  // request's buffer when the handler has returned, as a real reader does.
  std::uint64_t send(std::uint32_t opcode, std::uint64_t inode, std::span<const std::byte> body);
  std::uint64_t lookup(std::uint64_t parent, const std::string& name);
  std::uint64_t read(std::uint64_t inode, std::uint32_t size);
  std::uint64_t write(std::uint64_t inode, const std::string& data);
  std::uint64_t forget(std::uint64_t inode, std::uint64_t count);

  // While set, every write to the kernel fails with ENOSPC.
  void set_deaf(bool deaf);
  std::vector<Message> messages() EXCLUDES(mutex_);
  // Returns the messages and forgets them.
  std::vector<Message> take() EXCLUDES(mutex_);
  // Waits until there are `count` messages and returns them all.
  std::vector<Message> await(std::size_t count) EXCLUDES(mutex_);

  fuse_session* session() { return session_; }

 private:
  void receive() REQUIRES(mutex_);

  fuse_session* session_ = nullptr;
  std::uint64_t next_unique_ = 2;  // even, as the kernel's
  std::uint64_t flags_ = 0;
  std::uint32_t max_write_ = 0;
  uid_t uid_ = 1000;
  gid_t gid_ = 100;
  pid_t pid_ = 42;

  int ours_ = -1;    // the kernel's end
  int theirs_ = -1;  // libfuse's end
  int full_ = -1;    // /dev/full: every write fails
  int device_ = -1;  // the descriptor that libfuse uses

  base::Mutex mutex_;
  std::vector<Message> messages_ GUARDED_BY(mutex_);
};

}  // namespace scratchfs::test

// A kernel that speaks the FUSE protocol to libfuse in memory: handlers are tested without a mount.
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

// What was written to the kernel: an answer, or a notification (then `unique` is 0 and `error` its
// code).
struct Message {
  std::uint64_t unique = 0;
  int error = 0;  // negative errno
  std::vector<std::byte> body;

  std::string text() const;
};

// A socket stands in for /dev/fuse.
class FakeKernel {
 public:
  FakeKernel(const fuse_lowlevel_ops& operations, void* userdata);
  ~FakeKernel();
  FakeKernel(const FakeKernel&) = delete;
  FakeKernel& operator=(const FakeKernel&) = delete;

  // Sends INIT, as a kernel that can do everything.
  void initialize();
  // INIT's answer.
  std::uint64_t flags() const { return flags_; }
  std::uint32_t max_write() const { return max_write_; }

  // From whom requests come; at first user 1000, group 100, process 42.
  void become(uid_t uid, gid_t gid, pid_t pid);
  // Sends a request; returns its unique number. The handler runs meanwhile. As with a real reader,
  // what the request lay in is overwritten when the handler has returned.
  std::uint64_t send(std::uint32_t opcode, std::uint64_t inode, std::span<const std::byte> body);
  std::uint64_t lookup(std::uint64_t parent, const std::string& name);
  std::uint64_t read(std::uint64_t inode, std::uint32_t size);
  std::uint64_t write(std::uint64_t inode, const std::string& data);
  std::uint64_t forget(std::uint64_t inode, std::uint64_t count);

  // While set, nothing that is written is taken (ENOSPC).
  void set_deaf(bool deaf);
  std::vector<Message> messages() EXCLUDES(mutex_);
  // The same, and they are forgotten.
  std::vector<Message> take() EXCLUDES(mutex_);
  // Waits until there are that many.
  std::vector<Message> await(std::size_t count) EXCLUDES(mutex_);

  fuse_session* session() { return session_; }

 private:
  void receive() REQUIRES(mutex_);

  fuse_session* session_ = nullptr;
  std::uint64_t next_unique_ = 2;  // as the kernel's, they are even
  std::uint64_t flags_ = 0;
  std::uint32_t max_write_ = 0;
  uid_t uid_ = 1000;
  gid_t gid_ = 100;
  pid_t pid_ = 42;

  int ours_ = -1;    // the kernel's end
  int theirs_ = -1;  // libfuse's, again
  int full_ = -1;    // takes nothing
  int device_ = -1;  // what libfuse has

  base::Mutex mutex_;
  std::vector<Message> messages_ GUARDED_BY(mutex_);
};

}  // namespace scratchfs::test

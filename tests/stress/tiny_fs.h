// A file system of one file in which every read and write parks, to test the transport under load.
#pragma once

#include <sys/stat.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "fs/base/mutex.h"
#include "fs/kernel/transport/connection.h"
#include "fs/kernel/transport/run_or_park.h"

namespace scratchfs::test {

// A gate that lets threads pass while it is open.
class Gate {
 public:
  void close() EXCLUDES(mutex_);
  void open() EXCLUDES(mutex_);
  void pass() EXCLUDES(mutex_);  // blocks until it is open
  // Waits until `count` threads wait in pass().
  void await(unsigned count) EXCLUDES(mutex_);

 private:
  base::Mutex mutex_;
  base::Condition changed_;
  bool open_ GUARDED_BY(mutex_) = true;
  unsigned waiting_ GUARDED_BY(mutex_) = 0;
};

inline constexpr std::uint64_t kFileSize = 1U << 30;  // bytes
// Fills in the file's data at `offset`; nothing else may be written there.
void fill_pattern(std::span<std::byte> into, std::uint64_t offset);

struct TinyFs : kernel::Transport {
  Gate& gate;
  std::atomic<std::uint64_t>& wrong_writes;
  // What a worker does for a read at this offset, after the gate; may be empty.
  std::function<void(std::uint64_t offset)> on_read;
};

// A mount in its own directory, from construction to end().
class TinyMount {
 public:
  // Needs root. Throws std::runtime_error with the reason if mounting fails.
  TinyMount(kernel::IoUring io_uring, unsigned workers, unsigned ring_depth = 32,
            std::function<void(std::uint64_t)> on_read = {});
  ~TinyMount();

  std::string file() const { return directory_ + "/file"; }
  const std::string& directory() const { return directory_; }
  unsigned rings() const { return connection_->rings(); }
  std::uint64_t parked() const { return parking_.parked(); }
  std::uint64_t parked_total() const { return parking_.parked_total(); }
  std::uint64_t wrong_writes() const { return wrong_writes_; }
  Gate& gate() { return gate_; }

  void stop() { connection_->stop(); }
  // Aborts the connection, as its `abort` file in fusectl does: waiting requests fail. The mount
  // stays while anything in it is open.
  void abort();
  // Waits until serve() has returned. Returns its message; empty for success.
  std::string end();

 private:
  Gate gate_;
  std::atomic<std::uint64_t> wrong_writes_ = 0;
  kernel::Counters counters_;
  kernel::Notifier notifier_;
  kernel::Parking parking_;
  TinyFs fs_;
  std::string directory_;
  std::unique_ptr<kernel::Connection> connection_;
  std::string outcome_;
  std::thread server_;
};

// Enables FUSE over io_uring in the kernel for the object's lifetime.
class RingsEnabled {
 public:
  RingsEnabled();
  ~RingsEnabled();
  RingsEnabled(const RingsEnabled&) = delete;
  RingsEnabled& operator=(const RingsEnabled&) = delete;
  // Returns false if this kernel does not support it.
  bool available() const { return !before_.empty(); }

 private:
  std::string before_;
};

}  // namespace scratchfs::test

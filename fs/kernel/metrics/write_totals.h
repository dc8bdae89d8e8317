// Bytes written per thread, and per session for threads that no longer have an entry.
#pragma once

#include <sys/types.h>
#include <array>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "fs/base/mutex.h"
#include "fs/tree/types.h"

namespace scratchfs::kernel {

struct Writer {
  pid_t thread = 0;   // as the daemon sees it; 0: not visible to it, or the sum of evicted threads
  pid_t session = 0;  // getsid(2) at the thread's first write; 0: not visible
  uid_t uid = 0;      // the writer's
  std::uint64_t bytes = 0;
  std::int64_t first = 0;  // time of the first write, in seconds since 1970
  std::int64_t last = 0;
};

// Thread-safe; the locks are leaves, held for a hash lookup. The size is bounded: beyond
// kMostThreads the longest idle threads are merged into the total of their session and user; beyond
// kMostSessions the longest idle totals are dropped.
class Writers {
 public:
  static constexpr std::size_t kMostThreads = 2048;
  static constexpr std::size_t kMostSessions = 1024;

  // Records a write; drops the record if there is no memory for it.
  void note(const tree::Caller& caller, std::uint64_t bytes) noexcept;

  // Returns all entries, unordered. An entry with thread 0 and a session is a sum of evicted
  // threads.
  std::vector<Writer> all() const;

 private:
  static constexpr std::size_t kShards = 16;
  using Table = std::unordered_map<std::uint64_t, Writer>;  // key: thread or session, and uid
  struct alignas(64) Shard {
    mutable base::Mutex mutex;
    Table threads GUARDED_BY(mutex);
    Table sessions GUARDED_BY(mutex);
  };
  static std::uint64_t key(pid_t number, uid_t uid) {
    return std::uint64_t{static_cast<std::uint32_t>(number)} << 32 | uid;
  }
  static Writer take_idlest(Table& table);
  static void add_session(Shard& shard, const Writer& gone) REQUIRES(shard.mutex);

  std::array<Shard, kShards> shards_;
};

}  // namespace scratchfs::kernel

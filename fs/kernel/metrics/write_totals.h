// Who writes how much: bytes by thread, and what those that are gone had written, by session.
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
  pid_t thread = 0;   // as the daemon sees it; 0: one that it cannot see, or many that are gone
  pid_t session = 0;  // getsid(2) at the thread's first write; 0: not to be seen
  uid_t uid = 0;      // who wrote
  std::uint64_t bytes = 0;
  std::int64_t first = 0;  // write: seconds since 1970
  std::int64_t last = 0;
};

// All functions may be called from any thread. The locks are leaves, held for a hash look-up. Its
// size is bounded: of more threads than kMostThreads the longest idle are added up by their session
// and user, of more of those than kMostSessions the longest idle are forgotten.
class Writers {
 public:
  static constexpr std::size_t kMostThreads = 2048;
  static constexpr std::size_t kMostSessions = 1024;

  // Not counted where there is no memory for it.
  void note(const tree::Caller& caller, std::uint64_t bytes) noexcept;

  // In no order. Those with thread 0 and a session are sums of threads that are gone.
  std::vector<Writer> all() const;

 private:
  static constexpr std::size_t kShards = 16;
  using Table = std::unordered_map<std::uint64_t, Writer>;  // by thread or session, and uid
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

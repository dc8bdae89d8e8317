// How many handles may be open, in all and by one user: each costs the daemon memory that no quota
// counts.
#pragma once

#include <sys/types.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <optional>
#include <unordered_map>
#include <utility>

#include "fs/base/mutex.h"

namespace scratchfs::tree {

class HandleBudget;

// To have one handle open; given back when it ends.
class HandleRight {
 public:
  HandleRight(HandleRight&& other) noexcept
      : budget_(std::exchange(other.budget_, nullptr)), user_(other.user_) {}
  HandleRight& operator=(HandleRight&&) = delete;
  ~HandleRight();

 private:
  friend class HandleBudget;
  HandleRight(HandleBudget& budget, uid_t user) : budget_(&budget), user_(user) {}

  HandleBudget* budget_;
  const uid_t user_;
};

// Thread-safe; its mutexes are leaves. Outlives every right.
class HandleBudget {
 public:
  // Everybody but root may have half of `most`, and all of them together leave a sixteenth to root.
  explicit HandleBudget(std::uint64_t most) : most_(most) {}

  // nullopt: no more of them, ENFILE.
  std::optional<HandleRight> take(uid_t user);
  // Whether the user has any handle open.
  bool has_open(uid_t user);

 private:
  friend class HandleRight;
  bool count_one(std::uint64_t most);
  void give_back(uid_t user);

  struct alignas(64) Shard {
    base::Mutex mutex;
    std::unordered_map<uid_t, std::uint64_t> open GUARDED_BY(mutex);
  };
  Shard& shard_of(uid_t user) { return shards_[user % shards_.size()]; }

  const std::uint64_t most_;
  std::atomic<std::uint64_t> open_ = 0;
  std::array<Shard, 16> shards_;
};

}  // namespace scratchfs::tree

// HandleBudget: limits the open handles of all users and of each one. A handle takes memory of the
// daemon that no quota counts.
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

// The permission to have one handle open. The destructor returns it to the budget.
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

// Thread-safe; its mutexes are leaves. Outlives every HandleRight.
class HandleBudget {
 public:
  // `most` handles may be open. A user other than root may have half of them, and all of those
  // users together all but a sixteenth, which is left to root.
  explicit HandleBudget(std::uint64_t most) : most_(most) {}

  // Returns nullopt if there are too many open handles (ENFILE).
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

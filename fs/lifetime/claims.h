// Claims: which claimant holds which names, and what a claimant's names begin with.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "fs/base/mutex.h"
#include "fs/lifetime/claimant.h"

namespace scratchfs::tree {

class Inode;
struct Dentry;

// The part of a claimed name that derived names begin with: up to the last dot if that leaves at
// least 6 characters, else the whole name.
std::string_view stem_of(std::string_view name);

// Of those whose end cannot be seen; no claimant of a kind has it.
inline constexpr ClaimantKey kForever = ~ClaimantKey{0};

// One claimant and the names it holds. Its mutex is a leaf, taken under an inode's.
class Claimant {
 public:
  Claimant(ClaimantKey key, std::string words) : key_(key), words_(std::move(words)) {}
  ClaimantKey key() const { return key_; }
  // As people are told of it: `session 1529`.
  const std::string& words() const { return words_; }

  // It holds nothing, and will never again.
  bool has_ended() const;
  // False when the claimant has ended: then it holds nothing more. `in_root` names lend their stem
  // to derived ones. bad_alloc changes nothing.
  bool add(const Dentry* name, std::weak_ptr<Inode> inode, std::string_view stem, bool in_root);
  void remove(const Dentry* name, std::string_view stem, bool in_root);
  // A name that it holds is `inode`'s now. False: it has ended. Needs no memory.
  bool pass_on(const Dentry* name, const std::weak_ptr<Inode>& inode);
  // Whether `name` begins with the stem of a name that this claimant holds in the root.
  bool covers(std::string_view name) const;
  using Names = std::unordered_map<const Dentry*, std::weak_ptr<Inode>>;
  // Marks it ended and hands out what it held. Needs no memory.
  Names end() noexcept;
  // What is behind the names now, each once.
  static std::vector<std::shared_ptr<Inode>> inodes_of(const Names& names);

 private:
  const ClaimantKey key_;
  const std::string words_;
  mutable base::Mutex mutex_;
  bool ended_ GUARDED_BY(mutex_) = false;
  Names names_ GUARDED_BY(mutex_);
  std::multiset<std::string, std::less<>> stems_ GUARDED_BY(mutex_);
};

using ClaimantRef = std::shared_ptr<Claimant>;

// All claimants of the mount. Thread-safe; its mutex is a leaf.
class ClaimRegistry {
 public:
  explicit ClaimRegistry(ClaimantKind& kind);

  // Who claims when the caller creates; null when the creator has vanished. kWouldBlock.
  base::Result<ClaimantRef> claimant_of(const base::Caller& caller, base::Wait wait);
  // The same, without making one; null when it claims nothing so far.
  base::Result<ClaimantRef> known_claimant_of(const base::Caller& caller, base::Wait wait);
  // How often the claimant was handed out to claim: ClaimantEvents.
  std::uint64_t claims_of(ClaimantKey key) const;
  // Takes an ended claimant out; null when it is unknown. Nothing: it has been handed out since.
  std::optional<ClaimantRef> take(ClaimantKey key, std::uint64_t claims);

 private:
  struct Known {
    ClaimantRef claimant;
    std::uint64_t claims = 0;
  };
  ClaimantRef find(ClaimantKey key) EXCLUDES(mutex_);

  ClaimantKind& kind_;
  const ClaimantRef forever_;  // of those whose end cannot be seen
  mutable base::Mutex mutex_;
  std::unordered_map<ClaimantKey, Known> claimants_ GUARDED_BY(mutex_);
};

}  // namespace scratchfs::tree

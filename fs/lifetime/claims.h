// Claims: which claimant holds which names, and the stems that derived names begin with.
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
}  // namespace scratchfs::tree

namespace scratchfs::lifetime {

// Returns the part of a claimed name that derived names begin with: everything before the last dot
// if that is at least 6 characters, else the whole name.
std::string_view stem_of(std::string_view name);

// The key of the claimant that stands for all claimants whose end cannot be seen. No kind uses it.
inline constexpr ClaimantKey kForever = ~ClaimantKey{0};

// One claimant and the names it holds. Thread-safe; its mutex is a leaf, taken under an inode's.
class Claimant {
 public:
  Claimant(ClaimantKey key, std::string words) : key_(key), words_(std::move(words)) {}
  ClaimantKey key() const { return key_; }
  // The claimant as messages show it: `session 1529`.
  const std::string& words() const { return words_; }

  // Whether the claimant has ended: it holds nothing, and never will again.
  bool has_ended() const;
  // Adds a name. Returns false, and adds nothing, if the claimant has ended. The stem of an
  // `in_root` name covers derived names. bad_alloc changes nothing.
  bool add(const tree::Dentry* name, std::weak_ptr<tree::Inode> inode, std::string_view stem,
           bool in_root);
  void remove(const tree::Dentry* name, std::string_view stem, bool in_root);
  // Makes `inode` what is behind a name that the claimant holds. Returns false if the claimant has
  // ended. Does not allocate.
  bool pass_on(const tree::Dentry* name, const std::weak_ptr<tree::Inode>& inode);
  // Whether `name` begins with the stem of a name that this claimant holds in the root.
  bool covers(std::string_view name) const;
  using Names = std::unordered_map<const tree::Dentry*, std::weak_ptr<tree::Inode>>;
  // Marks the claimant as ended and returns the names it held. Does not allocate.
  Names end() noexcept;
  // Returns the inodes that are behind the names now, each once.
  static std::vector<std::shared_ptr<tree::Inode>> inodes_of(const Names& names);

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

  // Returns the claimant for what the caller creates, and counts a claim; null if the creator has
  // ended. Returns kWouldBlock if the kind must wait.
  base::Result<ClaimantRef> claimant_of(const base::Caller& caller, base::Wait wait);
  // The same, but returns null instead of making a new claimant.
  base::Result<ClaimantRef> known_claimant_of(const base::Caller& caller, base::Wait wait);
  // Returns how often the claimant was handed out to claim (ClaimantEvents::claims).
  std::uint64_t claims_of(ClaimantKey key) const;
  // Removes an ended claimant and returns it; null if it is unknown. Returns nullopt if the
  // claimant was handed out after `claims` was read.
  std::optional<ClaimantRef> take(ClaimantKey key, std::uint64_t claims);

 private:
  struct Known {
    ClaimantRef claimant;
    std::uint64_t claims = 0;
  };
  ClaimantRef find(ClaimantKey key) EXCLUDES(mutex_);

  ClaimantKind& kind_;
  const ClaimantRef forever_;  // for all whose end cannot be seen
  mutable base::Mutex mutex_;
  std::unordered_map<ClaimantKey, Known> claimants_ GUARDED_BY(mutex_);
};

}  // namespace scratchfs::lifetime

// Directory: the entries of one directory, by name and by cookie. Cookies stay valid while entries
// come and go.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "fs/base/keyed_hash.h"
#include "fs/base/mutex.h"
#include "fs/lifetime/claims.h"
#include "fs/tree/types.h"

namespace scratchfs::tree {

// One name of one inode. Its parent and name never change: a rename to a free name makes a new
// dentry.
struct Dentry {
  Inode* const parent;           // lives as long as it has entries
  std::shared_ptr<Inode> inode;  // guarded by parent->directory->mutex
  const std::string name;
  // For readdir(3). Never reused in this directory.
  std::uint64_t cookie;
  std::vector<lifetime::ClaimantRef> claims;  // guarded by inode->mutex
};

inline constexpr std::uint64_t kFirstCookie = 3;  // 1 is ".", 2 is ".."

class Directory {
 public:
  mutable base::SharedMutex mutex{base::Rank::directory};

  // Returns nullptr if there is no such name. The dentry lives until it is taken out.
  Dentry* find(std::string_view name) const REQUIRES_SHARED(mutex);
  // Adds a name. REQUIRES: the name is free. bad_alloc changes nothing.
  Dentry& insert(Inode& parent, std::shared_ptr<Inode> inode, std::string_view name)
      REQUIRES(mutex);
  std::unique_ptr<Dentry> take(Dentry& entry) REQUIRES(mutex);
  // Makes `entry` a name of `inode`. Does not allocate.
  void set_inode(Dentry& entry, std::shared_ptr<Inode> inode) REQUIRES(mutex);
  // Returns the entry that a listing shows after the one with `cookie`, or the first one if
  // `cookie` is below kFirstCookie; nullptr at the end. The newest entries come first: what is
  // created or renamed during a listing lies behind it, so every listing ends.
  const Dentry* after(std::uint64_t cookie) const REQUIRES_SHARED(mutex);
  // For walks over the whole tree: stores some of the entries after `cookie` in `some` and advances
  // `cookie`; stores none at the end. Seen::name may only be compared, because the lock has been
  // released.
  struct Seen {
    std::shared_ptr<Inode> inode;
    const Dentry* name;
  };
  void look_at_some(std::uint64_t& cookie, std::vector<Seen>& some) const EXCLUDES(mutex);
  // Takes out any entry; nullptr if there is none. For the end of the mount. Does not allocate.
  std::unique_ptr<Dentry> take_any() REQUIRES(mutex);

  bool empty() const REQUIRES_SHARED(mutex) { return by_cookie_.empty(); }
  // Marks the directory as removed: no entry can be created in it any more.
  void mark_removed() REQUIRES(mutex) { removed_ = true; }
  bool is_removed() const { return removed_; }
  std::uint64_t size() const { return size_; }
  std::uint32_t subdirectories() const { return subdirectories_; }

  // Whether the directory holds its entries: it is claimed, kept, or in a directory that holds its
  // own. Never true of the root.
  bool holds_entries() const { return holds_entries_; }
  void set_holds_entries(bool holds) { holds_entries_ = holds; }

 private:
  std::uint64_t next_cookie_ GUARDED_BY(mutex) = kFirstCookie;
  std::map<std::uint64_t, std::unique_ptr<Dentry>> by_cookie_ GUARDED_BY(mutex);
  std::unordered_map<std::string_view, Dentry*, base::KeyedHash> by_name_ GUARDED_BY(mutex);
  // Written under the lock, read without it.
  std::atomic<std::uint64_t> size_ = 0;
  std::atomic<std::uint32_t> subdirectories_ = 0;
  std::atomic<bool> removed_ = false;
  std::atomic<bool> holds_entries_ = false;
};

}  // namespace scratchfs::tree

// A directory's entries, by name and in the order of cookies that stay true while entries come and
// go.
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
#include "fs/tree/claims.h"
#include "fs/tree/types.h"

namespace scratchfs::tree {

// One name of one inode. Where it is never changes: a rename to a free name makes a new one.
struct Dentry {
  Inode* const parent;           // alive as long as it has entries
  std::shared_ptr<Inode> inode;  // guarded by the parent's directory
  const std::string name;
  std::uint64_t cookie;             // of readdir; never used again in this directory
  std::vector<ClaimantRef> claims;  // guarded by inode->mutex
};

inline constexpr std::uint64_t kFirstCookie = 3;  // 1 is ".", 2 is ".."

class Directory {
 public:
  mutable base::SharedMutex mutex{base::Rank::directory};

  // nullptr: no such name. The dentry lives until it is taken out.
  Dentry* find(std::string_view name) const REQUIRES_SHARED(mutex);
  // Precondition: the name is free. bad_alloc changes nothing.
  Dentry& insert(Inode& parent, std::shared_ptr<Inode> inode, std::string_view name)
      REQUIRES(mutex);
  std::unique_ptr<Dentry> take(Dentry& entry) REQUIRES(mutex);
  // What `entry` names from now on. Needs no memory.
  void set_inode(Dentry& entry, std::shared_ptr<Inode> inode) REQUIRES(mutex);
  // The first entry whose cookie is greater; nullptr at the end.
  const Dentry* after(std::uint64_t cookie) const REQUIRES_SHARED(mutex);
  // For walks over all there is: puts some of the entries after `cookie` into `some`, and moves
  // `cookie` on; none at the end. The names are only to be compared, the lock is given back.
  struct Seen {
    std::shared_ptr<Inode> inode;
    const Dentry* name;
  };
  void look_at_some(std::uint64_t& cookie, std::vector<Seen>& some) const EXCLUDES(mutex);
  // Of the newest entry there was so far.
  std::uint64_t last_cookie() const EXCLUDES(mutex);
  // Takes an entry out, whichever; nullptr: there is none. For the end of the mount. Needs no
  // memory.
  std::unique_ptr<Dentry> take_any() REQUIRES(mutex);

  bool empty() const REQUIRES_SHARED(mutex) { return by_cookie_.empty(); }
  // Nothing can be made in it any more.
  void mark_removed() REQUIRES(mutex) { removed_ = true; }
  bool is_removed() const { return removed_; }
  std::uint64_t size() const { return size_; }
  std::uint32_t subdirectories() const { return subdirectories_; }

  // Whether it holds what is in it: it is held itself, and is not the root.
  bool holds_entries() const { return holds_entries_; }
  void set_holds_entries(bool holds) { holds_entries_ = holds; }

 private:
  std::uint64_t next_cookie_ GUARDED_BY(mutex) = kFirstCookie;
  std::map<std::uint64_t, std::unique_ptr<Dentry>> by_cookie_ GUARDED_BY(mutex);
  std::unordered_map<std::string_view, Dentry*, base::KeyedHash> by_name_ GUARDED_BY(mutex);
  // Written under the lock, read by anyone.
  std::atomic<std::uint64_t> size_ = 0;
  std::atomic<std::uint32_t> subdirectories_ = 0;
  std::atomic<bool> removed_ = false;
  std::atomic<bool> holds_entries_ = false;
};

}  // namespace scratchfs::tree

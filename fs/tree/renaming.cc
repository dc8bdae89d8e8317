// renameat2: moving a name, replacing another, or exchanging two; and where the claims go.
#include <algorithm>
#include <mutex>

#include "fs/tree/patience.h"

namespace scratchfs::tree {

struct Tree::Move {
  const InodeRef& from;
  std::string_view old_name;
  const InodeRef& to;
  std::string_view new_name;
  RenameMode mode;
  const ClaimantRef mover;  // of what no directory holds where it goes; may be null
  const base::Wait wait;
};

namespace {

// Whether `directory` is `ancestor` or lies below it. Callers hold the rename mutex, so that
// nothing moves.
bool is_within(const InodeRef& directory, const Inode& ancestor) {
  InodeRef at = directory;
  while (at) {
    if (at.get() == &ancestor) return true;
    base::Lock lock(at->mutex);
    InodeRef parent = at->names.empty() ? nullptr : at->names.front()->parent->shared_from_this();
    lock.unlock();
    at = std::move(parent);
  }
  return false;
}

// Locks one directory, or two in the lock order: the parent first, else the one that is older.
class DirectoryPair {
 public:
  DirectoryPair(const InodeRef& a, const InodeRef& b) NO_THREAD_SAFETY_ANALYSIS : first_(a.get()),
                                                                                  second_(b.get()) {
    if (first_ == second_) {
      second_ = nullptr;
    } else if (is_within(a, *b) || (!is_within(b, *a) && b->id < a->id)) {
      std::swap(first_, second_);
    }
    first_->directory->mutex.lock();
    if (second_ != nullptr) second_->directory->mutex.lock_after(first_->directory->mutex);
  }
  ~DirectoryPair() NO_THREAD_SAFETY_ANALYSIS {
    if (second_ != nullptr) second_->directory->mutex.unlock();
    first_->directory->mutex.unlock();
  }
  DirectoryPair(const DirectoryPair&) = delete;
  DirectoryPair& operator=(const DirectoryPair&) = delete;

 private:
  Inode* first_;
  Inode* second_;
};

// False: somebody is at work on a large tree, for which a handler does not wait.
bool take(std::unique_lock<base::Mutex>& lock, base::Wait wait) {
  if (wait == base::Wait::no) return lock.try_lock();
  lock.lock();
  return true;
}

std::vector<ClaimantRef> claims_of(const Dentry& entry) {
  base::Lock lock(entry.inode->mutex);
  return entry.claims;
}

}  // namespace

base::Result<void> Tree::rename(const InodeRef& from, std::string_view old_name, const InodeRef& to,
                                std::string_view new_name, RenameMode mode, const Caller& caller,
                                base::Wait wait) {
  if (!from->is_directory() || !to->is_directory()) return base::Errno(ENOTDIR);
  if (old_name.size() > kMaxName || new_name.size() > kMaxName) return base::Errno(ENAMETOOLONG);
  ClaimantRef mover;
  if (from != to) {
    const auto claimant = claimant_for(*to, new_name, true, caller, wait);
    if (!claimant) return claimant.error();
    mover = *claimant;
  }
  const Move move{from, old_name, to, new_name, mode, std::move(mover), wait};
  Moved moved;
  const auto result = patiently(wait, [&](Blocker& blocker) -> base::Result<void> {
    std::unique_lock topology(rename_mutex_, std::defer_lock);
    if (from != to && !take(topology, wait)) return base::kWouldBlock;
    const DirectoryPair lock(from, to);
    return rename_locked(move, moved, blocker);
  });
  finish(moved.replaced);
  for (const InodeRef& inode : moved.inodes) {
    if (inode->is_directory()) refresh_holding(inode, kMovedAway);
    consider(inode, kMovedAway);
  }
  if (!moved.inodes.empty() && from->id != kRootId) consider(from, kLastEntryGone);
  return result;
}

// Callers hold both directories (and the rename mutex if they are two), which the analysis cannot
// follow.
base::Result<void> Tree::rename_locked(const Move& move, Moved& moved,
                                       Blocker& blocker) NO_THREAD_SAFETY_ANALYSIS {
  Directory& from = *move.from->directory;
  Directory& to = *move.to->directory;
  const InodeRef source = live(from, move.old_name, blocker);
  if (!source) return base::Errno(ENOENT);
  const InodeRef target = live(to, move.new_name, blocker);
  if (blocker || to.is_removed()) return base::Errno(ENOENT);
  const bool exchanges = move.mode == RenameMode::exchange;
  if (move.wait == base::Wait::no &&
      (has_to_spread(*source) || (exchanges && target && has_to_spread(*target))))
    return base::kWouldBlock;
  const bool crosses = move.from != move.to;
  if (crosses && source->is_directory() && is_within(move.to, *source)) return base::Errno(EINVAL);
  if (move.mode == RenameMode::no_replace && target) return base::Errno(EEXIST);
  if (exchanges) {
    if (!target) return base::Errno(ENOENT);
    if (crosses && target->is_directory() && is_within(move.from, *target))
      return base::Errno(EINVAL);
    if (source == target) return {};
    exchange(*from.find(move.old_name), *to.find(move.new_name));
    moved.inodes = {source, target};
    return {};
  }
  if (source == target) return {};  // two names of one file: rename(2) does nothing
  std::vector<ClaimantRef> claims;
  if (target) {
    claims = claims_of(*to.find(move.new_name));
    if (const auto replaced = replace(move, *source, *target, moved.replaced); !replaced)
      return replaced;
  } else if (const auto cleared = check_new(*move.to, move.new_name, blocker); !cleared) {
    return cleared;
  }
  move_name(move, source, claims);
  moved.inodes = {source};
  return {};
}

// Takes the replaced name out. Locks as rename_locked().
base::Result<void> Tree::replace(const Move& move, const Inode& source, Inode& target,
                                 Removed& removed) NO_THREAD_SAFETY_ANALYSIS {
  if (target.is_directory() && !source.is_directory()) return base::Errno(EISDIR);
  if (!target.is_directory() && source.is_directory()) return base::Errno(ENOTDIR);
  if (target.is_directory()) {
    if (&target == move.from.get()) return base::Errno(ENOTEMPTY);  // it holds the source
    base::Lock lock(target.directory->mutex, move.to->directory->mutex);
    if (!target.directory->empty()) return base::Errno(ENOTEMPTY);
    target.directory->mark_removed();
  }
  take_name(*move.to, *move.to->directory->find(move.new_name), removed);
  return {};
}

// Gives `source` its new name with the claims of the old one and `claims`. Locks as
// rename_locked().
void Tree::move_name(const Move& move, const InodeRef& source,
                     const std::vector<ClaimantRef>& claims) NO_THREAD_SAFETY_ANALYSIS {
  Dentry& old = *move.from->directory->find(move.old_name);
  Dentry& fresh = move.to->directory->insert(*move.to, source, move.new_name);
  {
    base::Lock lock(source->mutex);
    source->names.add(fresh);
    for (const ClaimantRef& claimant : old.claims) claim_name(*source, fresh, claimant);
    for (const ClaimantRef& claimant : claims) claim_name(*source, fresh, claimant);
    unclaim_name(*source, old);
    source->names.drop(old);
    // What its directory held, and nothing holds where it goes, is claimed by who moved it there:
    // `mv job/result .` does not lose the result.
    const bool was_held = move.from->directory->holds_entries();
    if (was_held && fresh.claims.empty() && !move.to->directory->holds_entries())
      claim_name(*source, fresh, move.mover);
    source->touch_changed();
  }
  move.from->directory->take(old);
  touch(*move.from);
  if (move.to != move.from) touch(*move.to);
}

// Both names keep their claims and get the other's. Locks as rename_locked().
void Tree::exchange(Dentry& one, Dentry& other) NO_THREAD_SAFETY_ANALYSIS {
  Inode& one_parent = *one.parent;
  Inode& other_parent = *other.parent;
  const InodeRef first = one.inode;
  const InodeRef second = other.inode;
  {
    const std::scoped_lock both(first->mutex, second->mutex);
    std::vector<ClaimantRef> claims = one.claims;
    claims.insert(claims.end(), other.claims.begin(), other.claims.end());
    unclaim_name(*first, one);
    unclaim_name(*second, other);
    first->names.drop(one);
    second->names.drop(other);
    const auto one_entry = one_parent.directory->take(one);
    const auto other_entry = other_parent.directory->take(other);
    Dentry& new_one = one_parent.directory->insert(one_parent, second, one_entry->name);
    Dentry& new_other = other_parent.directory->insert(other_parent, first, other_entry->name);
    second->names.add(new_one);
    first->names.add(new_other);
    for (const ClaimantRef& claimant : claims) {
      claim_name(*second, new_one, claimant);
      claim_name(*first, new_other, claimant);
    }
    first->touch_changed();
    second->touch_changed();
  }
  touch(one_parent);
  if (&one_parent != &other_parent) touch(other_parent);
}

}  // namespace scratchfs::tree

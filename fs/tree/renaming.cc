// renameat2: moving a name, replacing another, or exchanging two; and where the claims go.
#include <algorithm>
#include <mutex>
#include <new>

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

bool has_ended(const ClaimantRef& claimant) { return claimant->has_ended(); }

// Takes off again what was claimed after the first `count`.
void keep_claims(Inode& inode, Dentry& name, std::size_t count) REQUIRES(inode.mutex) {
  while (name.claims.size() > count) unclaim_name(inode, name, ClaimantRef(name.claims.back()));
}

// Each name gets the other's claims besides its own; where that is none, both get `otherwise`,
// which may be null. bad_alloc changes nothing.
void share_claims(Dentry& one, Dentry& other,
                  const ClaimantRef& otherwise) NO_THREAD_SAFETY_ANALYSIS {
  Inode& first = *one.inode;
  Inode& second = *other.inode;
  const std::scoped_lock both(first.mutex, second.mutex);
  first.names.unclaim_if(one, has_ended);
  second.names.unclaim_if(other, has_ended);
  const std::size_t ones = one.claims.size();
  const std::size_t others = other.claims.size();
  try {
    for (const ClaimantRef& claimant : other.claims) claim_name(first, one, claimant);
    if (one.claims.empty()) claim_name(first, one, otherwise);
    for (const ClaimantRef& claimant : one.claims) claim_name(second, other, claimant);
  } catch (const std::bad_alloc&) {
    keep_claims(first, one, ones);
    keep_claims(second, other, others);
    throw;
  }
}

// The claimants of `name` are told whose it is now; the claim of one that has ended goes.
void pass_claims_on(Inode& inode, Dentry& name) REQUIRES(inode.mutex) {
  inode.names.unclaim_if(name, [&](const ClaimantRef& claimant) {
    return !claimant->pass_on(&name, inode.weak_from_this());
  });
}

// Each name gets the other's inode. Needs no memory; callers hold both directories.
void swap_inodes(Dentry& one, Dentry& other) NO_THREAD_SAFETY_ANALYSIS {
  const InodeRef first = one.inode;
  const InodeRef second = other.inode;
  const std::scoped_lock both(first->mutex, second->mutex);
  first->names.replace(one, other);
  second->names.replace(other, one);
  one.parent->directory->set_inode(one, second);
  other.parent->directory->set_inode(other, first);
  pass_claims_on(*second, one);
  pass_claims_on(*first, other);
  first->touch_changed();
  second->touch_changed();
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
  moved.inodes.reserve(2);
  const auto result = patiently(wait, [&](Blocker& blocker) -> base::Result<void> {
    std::unique_lock topology(rename_mutex_, std::defer_lock);
    if (from != to && !take(topology, wait)) return base::kWouldBlock;
    const DirectoryPair lock(from, to);
    return rename_locked(move, moved, blocker);
  });
  finish(moved.replaced);
  for (const InodeRef& inode : moved.inodes) refresh_or_leave(inode, kMovedAway);
  if (!moved.inodes.empty() && from->id != kRootId) consider_or_leave(from, kLastEntryGone);
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
    Dentry& one = *from.find(move.old_name);
    Dentry& other = *to.find(move.new_name);
    share_claims(one, other, nullptr);
    swap_inodes(one, other);
    touch(*move.from);
    if (crosses) touch(*move.to);
    moved.inodes = {source, target};
    return {};
  }
  if (source == target) return {};  // two names of one file: rename(2) does nothing
  if (target) {
    if (const auto replaced = replace(move, *source, *target, moved.replaced); !replaced)
      return replaced;
  } else {
    if (const auto free = check_new(*move.to, move.new_name, blocker); !free) return free;
    move_name(move, source);
  }
  moved.inodes = {source};
  return {};
}

// `mv job/result .` does not lose the result: what its directory held, and nothing holds where it
// goes, is claimed by who moved it there. Null where that is not so.
ClaimantRef Tree::claiming_mover(const Move& move) {
  const bool is_let_go =
      move.from->directory->holds_entries() && !move.to->directory->holds_entries();
  return is_let_go ? move.mover : nullptr;
}

// Exchanges the two names, and takes out what the target has then. bad_alloc changes nothing. Locks
// as rename_locked().
base::Result<void> Tree::replace(const Move& move, const Inode& source, Inode& target,
                                 Removed& removed) NO_THREAD_SAFETY_ANALYSIS {
  if (target.is_directory() && !source.is_directory()) return base::Errno(EISDIR);
  if (!target.is_directory() && source.is_directory()) return base::Errno(ENOTDIR);
  Dentry& old = *move.from->directory->find(move.old_name);
  Dentry& kept = *move.to->directory->find(move.new_name);
  if (target.is_directory()) {
    // It holds the source; its lock comes before that of `from`, which is taken.
    if (move.from != move.to && is_within(move.from, target)) return base::Errno(ENOTEMPTY);
    base::Lock lock(target.directory->mutex, move.to->directory->mutex);
    if (!target.directory->empty()) return base::Errno(ENOTEMPTY);
    share_claims(old, kept, claiming_mover(move));
    target.directory->mark_removed();
  } else {
    share_claims(old, kept, claiming_mover(move));
  }
  swap_inodes(old, kept);
  removed = take_name(*move.from, old);
  if (move.to != move.from) touch(*move.to);
  return {};
}

// Gives `source` a new name with the claims of the old one. bad_alloc changes nothing. Locks as
// rename_locked().
void Tree::move_name(const Move& move, const InodeRef& source) NO_THREAD_SAFETY_ANALYSIS {
  Dentry& old = *move.from->directory->find(move.old_name);
  {
    base::Lock lock(source->mutex);
    Dentry& fresh = add_name(*move.to, source, move.new_name, old.claims);
    try {
      if (fresh.claims.empty()) claim_name(*source, fresh, claiming_mover(move));
    } catch (const std::bad_alloc&) {
      remove_name(*move.to, *source, fresh);
      throw;
    }
    remove_name(*move.from, *source, old);
    source->touch_changed();
  }
  touch(*move.from);
  if (move.to != move.from) touch(*move.to);
}

}  // namespace scratchfs::tree

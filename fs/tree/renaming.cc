// renameat2: moves a name, replaces another, or exchanges two; and what happens to claims.
#include <algorithm>
#include <mutex>
#include <new>

#include "fs/tree/holding.h"
#include "fs/tree/tree.h"

namespace scratchfs::tree {

struct Move {
  const InodeRef& from;
  std::string_view old_name;
  const InodeRef& to;
  std::string_view new_name;
  RenameMode mode;
  // Claims what no directory holds in its new place; null if it has ended.
  const lifetime::ClaimantRef mover;
  const base::Wait wait;
};

struct Moved {
  Removed replaced;
  // What was moved, so that what holds it may have changed.
  std::vector<InodeRef> inodes;
};

namespace {

// Whether `directory` is `ancestor` or below it. Callers hold the rename mutex, so that nothing
// moves.
bool is_within(const InodeRef& directory, const Inode& ancestor) {
  InodeRef at = directory;
  while (at != nullptr && at.get() != &ancestor) at = at->parent();
  return at != nullptr;
}

// Locks one directory, or two in lock order: the ancestor first, otherwise the older one.
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

// Returns false if the mutex is taken, for example during work on a large tree. A handler does not
// wait for it.
bool take(std::unique_lock<base::Mutex>& lock, base::Wait wait) {
  if (wait == base::Wait::no) return lock.try_lock();
  lock.lock();
  return true;
}

bool has_ended(const lifetime::ClaimantRef& claimant) { return claimant->has_ended(); }

// Removes the claims after the first `count`.
void keep_claims(Inode& inode, Dentry& name, std::size_t count) REQUIRES(inode.mutex) {
  while (name.claims.size() > count)
    unclaim_name(inode, name, lifetime::ClaimantRef(name.claims.back()));
}

// Gives each name the other's claims in addition to its own, and a claim of `for_one` or
// `for_other`, which may be null. bad_alloc changes nothing.
void share_claims(Dentry& one, const lifetime::ClaimantRef& for_one, Dentry& other,
                  const lifetime::ClaimantRef& for_other)
    REQUIRES(one.inode->mutex, other.inode->mutex) NO_THREAD_SAFETY_ANALYSIS {
  Inode& first = *one.inode;
  Inode& second = *other.inode;
  first.names.unclaim_if(one, has_ended);
  second.names.unclaim_if(other, has_ended);
  const std::size_t ones = one.claims.size();
  const std::size_t others = other.claims.size();
  try {
    for (const lifetime::ClaimantRef& claimant : other.claims) claim_name(first, one, claimant);
    for (const lifetime::ClaimantRef& claimant : one.claims) claim_name(second, other, claimant);
    claim_name(first, one, for_one);
    claim_name(second, other, for_other);
  } catch (const std::bad_alloc&) {
    keep_claims(first, one, ones);
    keep_claims(second, other, others);
    throw;
  }
}

// Tells the claimants of `name` which inode it names now, and drops the claims of those that have
// ended.
void pass_claims_on(Inode& inode, Dentry& name) REQUIRES(inode.mutex) {
  inode.names.unclaim_if(name, [&](const lifetime::ClaimantRef& claimant) {
    return !claimant->pass_on(&name, inode.weak_from_this());
  });
}

// Gives each name the other's inode. Does not allocate. Callers hold both directories.
void swap_inodes(Dentry& one, Dentry& other)
    REQUIRES(one.inode->mutex, other.inode->mutex) NO_THREAD_SAFETY_ANALYSIS {
  const InodeRef first = one.inode;
  const InodeRef second = other.inode;
  first->names.replace(one, other);
  second->names.replace(other, one);
  one.parent->directory->set_inode(one, second);
  other.parent->directory->set_inode(other, first);
  pass_claims_on(*second, one);
  pass_claims_on(*first, other);
  first->touch_changed();
  second->touch_changed();
}

// Does both. Returns false if one of the two inodes is gone. Then, as after bad_alloc, nothing has
// changed.
bool exchange_names(Dentry& one, const lifetime::ClaimantRef& for_one, Dentry& other,
                    const lifetime::ClaimantRef& for_other) NO_THREAD_SAFETY_ANALYSIS {
  const InodeRef first = one.inode;
  const InodeRef second = other.inode;
  const std::scoped_lock both(first->mutex, second->mutex);
  if (first->gone || second->gone) return false;
  share_claims(one, for_one, other, for_other);
  swap_inodes(one, other);
  return true;
}

bool has_held_name(const Inode& inode) {
  base::Lock lock(inode.mutex);
  return inode.names.are_held();
}

bool lives_without_held_name(const Inode& inode) {
  base::Lock lock(inode.mutex);
  return !inode.gone && !inode.names.are_held();
}

// Whether an object in `from` loses a holder when it moves to `to`.
bool lets_go(const Inode& from, const Inode& to) {
  return from.directory->holds_entries() && !to.directory->holds_entries();
}

// The mover claims an object that its old directory held and its new one does not hold, so that `mv
// job/result .` does not lose the result. Returns null otherwise.
lifetime::ClaimantRef claiming_mover(const Move& move) {
  return lets_go(*move.from, *move.to) ? move.mover : nullptr;
}

bool is_mover_gone(const Move& move) {
  const bool must_claim = lets_go(*move.from, *move.to) ||
                          (move.mode == RenameMode::exchange && lets_go(*move.to, *move.from));
  return must_claim && (!move.mover || move.mover->has_ended());
}

// Returns false if one of the two is gone. bad_alloc changes nothing. Locks as rename_locked().
bool exchange(const Move& move) NO_THREAD_SAFETY_ANALYSIS {
  Dentry& one = *move.from->directory->find(move.old_name);
  Dentry& other = *move.to->directory->find(move.new_name);
  const auto for_one = lets_go(*move.to, *move.from) ? move.mover : nullptr;
  return exchange_names(one, for_one, other, claiming_mover(move));
}

// Exchanges the two names, then removes the one that the target has now. Returns false if one of
// the two is gone. bad_alloc changes nothing. Locks as rename_locked().
base::Result<bool> replace(const Move& move, const Inode& source, Inode& target,
                           Removed& removed) NO_THREAD_SAFETY_ANALYSIS {
  if (target.is_directory() && !source.is_directory()) return base::Errno(EISDIR);
  if (!target.is_directory() && source.is_directory()) return base::Errno(ENOTDIR);
  Dentry& old = *move.from->directory->find(move.old_name);
  Dentry& kept = *move.to->directory->find(move.new_name);
  const bool was_held = has_held_name(target);
  if (target.is_directory()) {
    // `target` contains the source, and its lock would come before that of `from`, which is held.
    if (move.from != move.to && is_within(move.from, target)) return base::Errno(ENOTEMPTY);
    base::Lock lock(target.directory->mutex, move.to->directory->mutex);
    if (!target.directory->empty()) return base::Errno(ENOTEMPTY);
    if (!exchange_names(old, nullptr, kept, claiming_mover(move))) return false;
    target.directory->mark_removed();
  } else if (!exchange_names(old, nullptr, kept, claiming_mover(move))) {
    return false;
  }
  removed = take_name(*move.from, old);
  removed.let_go = was_held && lives_without_held_name(target);  // the exchange took its holder
  return true;
}

// Gives `source` a new name with the claims of the old one. Returns false if it is gone. bad_alloc
// changes nothing. Locks as rename_locked().
bool move_name(const Move& move, const InodeRef& source) NO_THREAD_SAFETY_ANALYSIS {
  Dentry& old = *move.from->directory->find(move.old_name);
  base::Lock lock(source->mutex);
  if (source->gone) return false;
  Dentry& fresh = add_name(*move.to, source, move.new_name, old.claims);
  try {
    claim_name(*source, fresh, claiming_mover(move));
  } catch (const std::bad_alloc&) {
    remove_name(*move.to, *source, fresh);
    throw;
  }
  remove_name(*move.from, *source, old);
  source->touch_changed();
  return true;
}

}  // namespace

base::Result<void> Tree::rename(const InodeRef& from, std::string_view old_name, const InodeRef& to,
                                std::string_view new_name, RenameMode mode, const Caller& caller,
                                base::Wait wait) {
  if (!from->is_directory() || !to->is_directory()) return base::Errno(ENOTDIR);
  if (old_name.size() > kMaxName || new_name.size() > kMaxName) return base::Errno(ENAMETOOLONG);
  lifetime::ClaimantRef mover;
  if (from != to) {
    const auto claimant = claimant_for(*to, new_name, true, caller, wait);
    if (!claimant) return claimant.error();
    mover = *claimant;
  }
  const Move move{from, old_name, to, new_name, mode, std::move(mover), wait};
  Moved moved;
  moved.inodes.reserve(2);
  const auto result = gate_.retry_while_closing(wait, [&](Blocker& blocker) -> base::Result<void> {
    std::unique_lock topology(rename_mutex_, std::defer_lock);
    if (from != to && !take(topology, wait)) return base::kWouldBlock;
    const DirectoryPair lock(from, to);
    return rename_locked(move, moved, blocker);
  });
  sweeper_.finish(moved.replaced);
  for (const InodeRef& inode : moved.inodes) sweeper_.sweep_below(inode, lifetime::kMovedAway);
  if (!moved.inodes.empty() && from->id != kRootId) sweeper_.sweep(from, lifetime::kLastEntryGone);
  return result;
}

// Callers hold both directories, and the rename mutex if they differ. The thread-safety analysis
// cannot follow that.
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
      (has_to_spread(options_.lifetime, *source) ||
       (exchanges && target && has_to_spread(options_.lifetime, *target))))
    return base::kWouldBlock;
  const bool crosses = move.from != move.to;
  if (crosses && source->is_directory() && is_within(move.to, *source)) return base::Errno(EINVAL);
  if (move.mode == RenameMode::no_replace && target) return base::Errno(EEXIST);
  if (exchanges) {
    if (!target) return base::Errno(ENOENT);
    if (crosses && target->is_directory() && is_within(move.from, *target))
      return base::Errno(EINVAL);
  }
  if (source == target) return {};  // two names of one file: rename(2) does nothing
  // Nothing would hold the object in its new place, and nobody waits for the reply: leave it where
  // it is.
  if (is_mover_gone(move)) return base::Errno(EINTR);
  if (!target) {
    if (const auto free = check_new(*move.to, move.new_name, blocker); !free) return free;
  }
  const base::Result<bool> done = exchanges ? exchange(move)
                                  : target  ? replace(move, *source, *target, moved.replaced)
                                            : move_name(move, source);
  if (!done) return done.error();
  if (!*done) {
    blocker.inode = source->gone ? source : target;  // deleted after it was found: once more
    return base::Errno(ENOENT);
  }
  touch(*move.from);
  if (crosses) touch(*move.to);
  moved.inodes.push_back(source);
  if (exchanges) moved.inodes.push_back(target);
  return {};
}

}  // namespace scratchfs::tree

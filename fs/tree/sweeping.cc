// The sweep: deletes what nothing holds, children before parents. docs/semantics.md has the rules.
#include <spdlog/spdlog.h>

#include <list>
#include <new>
#include <utility>

#include "fs/base/counted.h"
#include "fs/base/printable.h"
#include "fs/tree/tree.h"
#include "fs/tree/untold.h"

namespace scratchfs::tree {

// Decides whether a non-directory must be deleted. If so, marks it as gone, so that nothing can
// find or open it any more, and returns true. A file without a name goes with its last handle.
bool Tree::condemn(Inode& inode) {
  if (inode.gone || inode.is_directory() || inode.handles > 0) return false;
  if (!inode.names.empty() && is_held(inode)) return false;
  inode.retire();
  return true;
}

// Deletes `inode` if nothing holds it, and then each directory that this leaves empty and unheld.
// Callers hold no lock.
void Tree::consider(InodeRef inode, const lifetime::Cause& cause) {
  InodeRef next = std::move(inode);
  std::vector<InodeRef> parents;
  const lifetime::Cause* why = &cause;
  try {
    while (true) {
      look_at(next, *why, parents);
      if (parents.empty()) return;
      next = std::move(parents.back());
      parents.pop_back();
      why = &lifetime::kLastEntryGone;
    }
  } catch (const std::bad_alloc&) {
    // If the inode is gone by now, another call would not reach its parents.
    if (next->gone) free_content(*next);
    deferred_sweeps_.add(next);
    for (const InodeRef& parent : parents) deferred_sweeps_.add(parent);
    throw;
  }
}

// Deletes `inode` if nothing holds it. Adds the directories that this may have left empty to
// `parents`.
void Tree::look_at(const InodeRef& inode, const lifetime::Cause& cause,
                   std::vector<InodeRef>& parents) {
  if (inode->is_directory()) {
    parents.reserve(parents.size() + 1);
    if (InodeRef parent = remove_unheld_directory(inode, cause))
      parents.push_back(std::move(parent));
    return;
  }
  bool only_bound = false;
  {
    base::Lock lock(inode->mutex);
    condemn(*inode);
    only_bound = !inode->gone && is_only_bound(*inode);
  }
  if (only_bound) sockets_->look_after(inode);
  if (inode->gone) remove_condemned(inode, cause, parents);
}

// Like consider(), but cannot fail, because the call that uses it has already taken effect. If
// memory is lacking, the inode is left to deferred_sweeps_.
void Tree::consider_or_leave(const InodeRef& inode, const lifetime::Cause& cause) {
  try {
    consider(inode, cause);
  } catch (const std::bad_alloc&) {
    deferred_sweeps_.add(inode);
  }
}

// The same for an inode whose holders may have changed.
void Tree::refresh_or_leave(const InodeRef& inode, const lifetime::Cause& cause) {
  try {
    refresh(inode, cause);
  } catch (const std::bad_alloc&) {
    deferred_sweeps_.add(inode);
  }
}

// The cause is no longer known; this is the most frequent one.
void Tree::retry_sweep(const InodeRef& inode) {
  refresh(inode, inode->is_directory() ? lifetime::kLastEntryGone : lifetime::kHandleClosed);
}

// Deletes `inode` if nothing holds it. If a handle still does, a close can now delete it, so the
// kernel must not trust cached names.
void Tree::refresh(const InodeRef& inode, const lifetime::Cause& cause) {
  if (inode->is_directory()) refresh_holding(inode, cause);
  consider(inode, cause);
  if (!inode->gone) tell_expired(inode);
}

// Whether nothing holds the inode but a process that may have it bound.
bool Tree::is_only_bound(const Inode& inode) const {
  if (!inode.maybe_bound || inode.names.empty()) return false;
  lifetime::LifetimeFacts facts = inode.facts();
  facts.bound = false;
  return !lifetime::is_held(options_.lifetime, facts);
}

void Tree::socket_unbound(const InodeRef& socket) {
  {
    base::Lock lock(socket->mutex);
    socket->maybe_bound = false;
  }
  consider(socket, lifetime::kUnbound);
}

// Collects the names before the first one is removed: nothing after that allocates.
void Tree::remove_condemned(const InodeRef& inode, const lifetime::Cause& cause,
                            std::vector<InodeRef>& parents) {
  std::vector<std::pair<InodeRef, std::string>> names;
  {
    base::Lock lock(inode->mutex);
    for (const Dentry* name : inode->names)
      names.emplace_back(name->parent->shared_from_this(), name->name);
  }
  parents.reserve(parents.size() + names.size());
  const auto untold = std::make_shared<Untold>(inode);
  untold->lend();
  for (auto& [parent, name] : names) {
    Removed removed;
    {
      base::Lock lock(parent->directory->mutex);
      Dentry* entry = parent->directory->find(name);
      // Otherwise the name was created anew meanwhile, or a creation removed the old entry and then
      // failed.
      if (entry != nullptr && entry->inode == inode) removed = take_name(*parent, *entry);
    }
    if (removed.name) {
      note_deleted(*inode, name, cause);
      tell_gone(parent->id, inode->id, std::move(name), untold);
    }
    if (parent->id != kRootId) parents.push_back(std::move(parent));
  }
  free_content(*inode);
}

void Tree::free_content(Inode& inode) {
  if (inode.content) reaper_.free(inode.content->discard());
}

void Tree::note_deleted(const Inode& inode, const std::string& name,
                        const lifetime::Cause& cause) noexcept {
  deleted_for_[static_cast<std::size_t>(cause.reason)].fetch_add(1, std::memory_order_relaxed);
  if (!spdlog::should_log(spdlog::level::debug)) return;
  const auto omitted = deletion_log_.admit();
  if (!omitted) return;
  try {
    spdlog::debug("deleted {} ({}): last held by {}, which {}{}", inode.id, base::printable(name),
                  cause.holder, cause.end, base::and_more(*omitted));
  } catch (const std::bad_alloc&) {
    return;  // the deletion is not logged
  }
}

// Deletes a directory if it is empty and nothing holds it. Returns its parent if the parent may
// have to go too; nullptr otherwise.
InodeRef Tree::remove_unheld_directory(const InodeRef& directory, const lifetime::Cause& cause) {
  InodeRef parent;
  std::string name;
  {
    base::Lock lock(directory->mutex);
    if (directory->names.empty() || is_held(*directory)) return nullptr;
    parent = directory->names.front()->parent->shared_from_this();
    name = directory->names.front()->name;
  }
  Removed removed;
  const auto untold = std::make_shared<Untold>(directory);
  {
    base::Lock lock(parent->directory->mutex);
    Dentry* entry = parent->directory->find(name);
    if (entry == nullptr || entry->inode != directory)
      return nullptr;  // renamed meanwhile: looked at there
    base::Lock child_lock(directory->directory->mutex, parent->directory->mutex);
    if (!directory->directory->empty()) return nullptr;
    {
      base::Lock inode_lock(directory->mutex);
      if (is_held(*directory)) return nullptr;
    }
    directory->directory->mark_removed();
    child_lock.unlock();
    removed = take_name(*parent, *entry);
  }
  untold->lend();
  note_deleted(*directory, name, cause);
  tell_gone(parent->id, directory->id, std::move(name), untold);
  return parent->id == kRootId ? nullptr : parent;
}

// Called when a claimant has ended. Leaves what it held to the sweeper. Returns false if the
// claimant has claimed again since it was checked.
bool Tree::claimant_ended(lifetime::ClaimantKey key, std::uint64_t claims) {
  // Nobody calls this a second time, so it retries until there is memory.
  std::list<Sweep> sweep;
  until_there_is_memory([&] { sweep.resize(1); });
  if (sweep.empty()) return true;
  auto taken = claims_.take(key, claims);
  if (!taken) return false;
  if (*taken == nullptr) return true;
  Sweep& begun = sweep.front();
  begun.claimant = *std::move(taken);
  begun.names = begun.claimant->end();
  if (begun.names.empty()) return true;
  spdlog::debug("{} has ended; it held {}", begun.claimant->words(),
                base::counted(begun.names.size(), "name"));
  sweeper_.add(sweep);
  return true;
}

template <typename Work>
void Tree::until_there_is_memory(Work work) {
  while (!ending_ && !shortage_.survives(work)) continue;
}

// Does a piece of a sweep. Returns true if nothing is left of it. After bad_alloc another call
// continues.
bool Tree::sweep_some(Sweep& sweep) {
  constexpr int kAtOnce = 32;
  if (!sweep.names.empty()) {
    sweep.held = lifetime::Claimant::inodes_of(sweep.names);
    sweep.names.clear();
  } else {
    wait_for_notices();  // not before the first piece: most sweeps have only one
  }
  const lifetime::Cause cause{lifetime::Reason::claim_ended, sweep.claimant->words(), "has ended"};
  for (int i = 0; i < kAtOnce && sweep.unheld.empty() && !sweep.held.empty(); ++i) {
    unclaim(sweep.held.back(), sweep, cause);
    sweep.held.pop_back();
  }
  if (sweep.unheld.empty()) return sweep.held.empty();
  const InodeRef& directory = sweep.unheld.back();
  if (consider_some(directory, sweep.cookie, cause)) return false;
  consider(directory, cause);
  sweep.unheld.pop_back();
  sweep.cookie = 0;
  return sweep.unheld.empty() && sweep.held.empty();
}

// Other users' notifications must get their turn, too.
void Tree::wait_for_notices() {
  constexpr std::chrono::milliseconds kTimeout{50};  // the kernel may be waiting for a handler
  base::SharedLock lock(notices_mutex_);
  if (notices_ != nullptr) notices_->wait_for_room(kTimeout);
}

void Tree::unclaim(const InodeRef& inode, Sweep& sweep, const lifetime::Cause& cause) {
  {
    base::Lock lock(inode->mutex);
    for (Dentry* name : inode->names) inode->names.unclaim(*name, sweep.claimant);
  }
  if (inode->is_directory()) sweep.unheld = update_holding(inode);
  // If a handle still holds the inode, a close can now delete it, so the kernel must not trust
  // cached names.
  consider(inode, cause);
  if (!inode->gone) tell_expired(inode);
}

// Whether a change of the inode's holders affects what is in it, which can be too much for a
// handler to update.
bool Tree::has_to_spread(const Inode& inode) const {
  return options_.lifetime == lifetime::LifetimeMode::claimed && inode.is_directory() &&
         inode.directory->size() > 0;
}

// Whether `directory` is held, and so holds its entries.
bool Tree::is_holding(const Inode& directory) {
  base::Lock lock(directory.mutex);
  const lifetime::LifetimeFacts facts = directory.facts();
  return facts.kept || facts.claimed || facts.in_held_directory;
}

// Updates whether `directory` holds its entries, after it may have lost or gained a holder, and
// deletes what nothing holds any more.
void Tree::refresh_holding(const InodeRef& directory, const lifetime::Cause& cause) {
  const std::vector<InodeRef> changed = update_holding(directory);
  try {
    for (auto at = changed.rbegin(); at != changed.rend(); ++at) {
      std::uint64_t cookie = 0;
      while (consider_some(*at, cookie, cause)) continue;
      consider(*at, cause);
    }
  } catch (const std::bad_alloc&) {
    // Entries that were not looked at stay held; another call starts over.
    base::Lock lock(rename_mutex_);
    for (const InodeRef& unheld : changed) {
      hold_again(*unheld);
      deferred_sweeps_.add(unheld);  // it may have been moved away from `directory`
    }
    throw;
  }
}

// Looks at some entries of a directory that may have ceased to hold them. Returns false at the end.
bool Tree::consider_some(const InodeRef& directory, std::uint64_t& cookie,
                         const lifetime::Cause& cause) {
  if (directory->directory->holds_entries()) return false;
  std::vector<Directory::Seen> some;
  directory->directory->look_at_some(cookie, some);
  for (const auto& [inode, name] : some) {
    if (inode->is_directory()) continue;
    consider(inode, cause);
    if (!inode->gone) tell_expired(inode);
  }
  return !some.empty();
}

// Updates `holds_entries` of `directory` and below. Returns the directories in which it changed,
// parents first. bad_alloc changes nothing.
std::vector<InodeRef> Tree::update_holding(const InodeRef& directory) {
  if (options_.lifetime != lifetime::LifetimeMode::claimed) return {};
  {
    // Usually nothing changes; then do not wait for a thread that works on a large tree. The thread
    // that changes it holds this lock from check to change.
    base::SharedLock lock(directory->directory->mutex);
    if (is_holding(*directory) == directory->directory->holds_entries()) return {};
  }
  base::Lock lock(rename_mutex_);
  return spread_holding(directory);
}

// Updates `holds_entries` from `directory` downwards. Returns the directories in which it changed,
// parents first. bad_alloc changes nothing.
std::vector<InodeRef> Tree::spread_holding(const InodeRef& directory) {
  std::vector<InodeRef> changed;
  try {
    std::vector<InodeRef> to_look_at{directory};
    while (!to_look_at.empty()) {
      const InodeRef next = std::move(to_look_at.back());
      to_look_at.pop_back();
      if (next->id != kRootId) spread_holding_to(next, changed, to_look_at);
    }
  } catch (const std::bad_alloc&) {
    unspread_holding(changed);
    throw;
  }
  return changed;
}

void Tree::spread_holding_to(const InodeRef& directory, std::vector<InodeRef>& changed,
                             std::vector<InodeRef>& to_look_at) {
  base::Lock lock(directory->directory->mutex);
  const bool holds = is_holding(*directory);
  if (directory->directory->holds_entries() == holds) return;
  std::uint64_t cookie = 0;
  while (const Dentry* entry = directory->directory->after(cookie)) {
    if (entry->inode->is_directory()) to_look_at.push_back(entry->inode);
    cookie = entry->cookie;
  }
  changed.push_back(directory);
  hold_entries(*directory, holds);
}

// Does not allocate.
void Tree::hold_entries(Inode& directory, bool holds) {
  directory.directory->set_holds_entries(holds);
  std::uint64_t cookie = 0;
  while (const Dentry* entry = directory.directory->after(cookie)) {
    base::Lock lock(entry->inode->mutex);
    entry->inode->names.note_holding(holds);
    cookie = entry->cookie;
  }
}

void Tree::hold_again(Inode& directory) {
  base::Lock lock(directory.directory->mutex);
  if (directory.directory->holds_entries()) return;
  hold_entries(directory, true);
  // Directories that were moved in meanwhile have not been updated.
  std::uint64_t cookie = 0;
  while (const Dentry* entry = directory.directory->after(cookie)) {
    if (entry->inode->is_directory()) deferred_sweeps_.add(entry->inode);
    cookie = entry->cookie;
  }
}

void Tree::unspread_holding(const std::vector<InodeRef>& changed) {
  for (const InodeRef& directory : changed) {
    base::Lock lock(directory->directory->mutex);
    hold_entries(*directory, !directory->directory->holds_entries());
  }
}

void Tree::tell_gone(InodeId parent, InodeId child, std::string name,
                     const std::shared_ptr<Untold>& untold) {
  base::SharedLock lock(notices_mutex_);
  if (notices_ != nullptr) notices_->name_gone(parent, child, std::move(name), untold);
}

void Tree::tell_expired(const InodeRef& inode) {
  std::vector<std::pair<InodeId, std::string>> names;
  {
    base::Lock lock(inode->mutex);
    if (inode->handles == 0 || !lifetime::close_can_delete(options_.lifetime, inode->facts()))
      return;
    for (const Dentry* name : inode->names) names.emplace_back(name->parent->id, name->name);
  }
  base::SharedLock lock(notices_mutex_);
  if (notices_ == nullptr) return;
  for (auto& [parent, name] : names) notices_->name_expired(parent, std::move(name));
}

void Tree::tell_mode_changed(InodeId inode) {
  base::SharedLock lock(notices_mutex_);
  if (notices_ != nullptr) notices_->mode_changed(inode);
}

}  // namespace scratchfs::tree

#include "fs/tree/sweeper.h"

#include <list>
#include <new>

#include "fs/base/counted.h"
#include "fs/base/log.h"
#include "fs/base/printable.h"
#include "fs/tree/holding.h"
#include "fs/tree/untold.h"

namespace scratchfs::tree {

// The thread does not wait before the first piece of a sweep: most have only one.
Sweeper::Sweeper(lifetime::LifetimeMode mode, lifetime::ClaimRegistry& claims,
                 base::Mutex& rename_mutex, Reaper& reaper, NoticeChannel& notices)
    : mode_(mode),
      claims_(claims),
      rename_mutex_(rename_mutex),
      reaper_(reaper),
      notices_(notices),
      thread_([this](Sweep& sweep) {
        if (sweep.names.empty()) wait_for_notices();
        return sweep_some(sweep);
      }) {}

void Sweeper::watch_sockets(lifetime::BoundSockets bound) {
  sockets_ = std::make_unique<SocketWatch>(std::move(bound), [this](const InodeRef& socket) {
    base::Lock lock(socket->mutex);
    socket->maybe_bound = false;
    lock.unlock();
    remove(socket, lifetime::kUnbound, Holder::same);
  });
}

void Sweeper::count(TreeStats& stats) const {
  for (std::size_t i = 0; i < deleted_for_.size(); ++i) {
    stats.deleted_for[i] = deleted_for_[i].load(std::memory_order_relaxed);
    stats.deleted_unheld += stats.deleted_for[i];
  }
}

void Sweeper::stop() {
  stopping_ = true;
  if (sockets_) sockets_->stop();
  thread_.stop();
  if (const auto omitted = log_.take_omitted(); omitted > 0)
    log::debug("deleted {} more because nothing held them", omitted);
}

bool Sweeper::claimant_ended(lifetime::ClaimantKey key, std::uint64_t claims) {
  // Nobody calls this a second time, so it retries until there is memory.
  std::list<Sweep> sweep;
  while (!stopping_ && !shortage_.survives([&] { sweep.resize(1); })) continue;
  if (sweep.empty()) return true;
  auto taken = claims_.take(key, claims);
  if (!taken) return false;
  if (*taken == nullptr) return true;
  Sweep& begun = sweep.front();
  begun.claimant = *std::move(taken);
  begun.cause = {lifetime::Reason::claim_ended, begun.claimant->words(), "has ended"};
  begun.names = begun.claimant->end();
  if (begun.names.empty()) return true;
  log::debug("{} has ended; it held {}", begun.claimant->words(),
             base::counted(begun.names.size(), "name"));
  thread_.add(sweep);
  return true;
}

void Sweeper::finish(const Removed& removed) {
  if (removed.name == nullptr) return;
  const InodeRef& inode = removed.name->inode;
  if (inode->gone) free_content(*inode);
  if (removed.let_go) sweep(inode, lifetime::kNameRemoved);
  Inode& parent = *removed.name->parent;
  if (mode_ == lifetime::LifetimeMode::claimed && parent.id != kRootId &&
      !parent.directory->holds_entries())
    sweep(parent.shared_from_this(), lifetime::kLastEntryGone);
}

void Sweeper::sweep_below(const InodeRef& inode, const lifetime::Cause& cause) {
  if (!inode->is_directory()) return sweep(inode, cause);
  std::list<Sweep> whole;  // a list, because that can be passed on without allocating
  try {
    whole.resize(1);
    whole.front().cause = cause;
    whole.front().inodes = {inode};
    while (!sweep_some(whole.front())) continue;
  } catch (const std::bad_alloc&) {
    thread_.defer(inode);
    thread_.add(whole);
  }
}

// Other users' notifications must get their turn, too.
void Sweeper::wait_for_notices() {
  notices_.send([](KernelNotices& kernel) {
    // Not for long: the kernel may be waiting for a handler.
    kernel.wait_for_room(std::chrono::milliseconds(50));
  });
}

// Does a piece of a sweep. Returns true if nothing is left of it. After bad_alloc another call
// continues.
bool Sweeper::sweep_some(Sweep& sweep) {
  constexpr int kAtOnce = 32;
  if (!sweep.names.empty()) {
    sweep.inodes = lifetime::Claimant::inodes_of(sweep.names);
    sweep.names.clear();
  }
  for (int i = 0; i < kAtOnce && sweep.unheld.empty() && !sweep.inodes.empty(); ++i) {
    unclaim(sweep.inodes.back(), sweep);
    sweep.inodes.pop_back();
  }
  if (sweep.unheld.empty()) return sweep.inodes.empty();
  if (sweep_entries(sweep)) return false;
  remove(sweep.unheld.back(), sweep.cause, Holder::lost);
  sweep.unheld.pop_back();
  sweep.cookie = 0;
  return sweep.unheld.empty() && sweep.inodes.empty();
}

void Sweeper::unclaim(const InodeRef& inode, Sweep& sweep) {
  if (sweep.claimant != nullptr) {
    base::Lock lock(inode->mutex);
    for (Dentry* name : inode->names) inode->names.unclaim(*name, sweep.claimant);
  }
  if (inode->is_directory() && mode_ == lifetime::LifetimeMode::claimed)
    sweep.unheld = update_holding(inode, rename_mutex_);
  // What was moved has been claimed by the mover.
  const bool was_moved = sweep.cause.reason == lifetime::Reason::moved_away;
  remove(inode, sweep.cause, was_moved ? Holder::same : Holder::lost);
}

// Sweeps some entries of the last unheld directory. Returns false at the end.
bool Sweeper::sweep_entries(Sweep& sweep) {
  const Directory& directory = *sweep.unheld.back()->directory;
  if (directory.holds_entries()) return false;
  std::vector<Directory::Seen> some;
  std::uint64_t cookie = sweep.cookie;
  directory.look_at_some(cookie, some);
  for (const auto& [inode, name] : some) {
    if (!inode->is_directory()) remove(inode, sweep.cause, Holder::lost);
  }
  sweep.cookie = cookie;  // last: after bad_alloc the same entries are looked at again
  return !some.empty();
}

void Sweeper::sweep(const InodeRef& inode, const lifetime::Cause& cause) {
  const bool has_lost_one = cause.reason == lifetime::Reason::name_removed ||
                            cause.reason == lifetime::Reason::mark_lifted;
  try {
    remove(inode, cause, has_lost_one ? Holder::lost : Holder::same);
  } catch (const std::bad_alloc&) {
    thread_.defer(inode);
  }
}

// Removes `inode` if nothing holds it, and then its parents, as sweep() says. After bad_alloc the
// caller must try `inode` again; the thread continues with the parents.
void Sweeper::remove(InodeRef inode, lifetime::Cause cause, Holder holder) {
  const Inode* const first = inode.get();
  Parents parents;
  try {
    while (true) {
      if (inode->is_directory()) {
        remove_directory(inode, cause, parents);
      } else {
        remove_file(inode, cause, holder, parents);
      }
      if (parents.empty()) return;
      inode = std::move(parents.back());
      parents.pop_back();
      cause = lifetime::kLastEntryGone;
    }
  } catch (const std::bad_alloc&) {
    // If the inode is gone by now, another call would not reach its parents.
    if (inode->gone) free_content(*inode);
    if (inode.get() != first) thread_.defer(inode);
    for (const InodeRef& parent : parents) thread_.defer(parent);
    throw;
  }
}

bool Sweeper::condemn(Inode& inode) const {
  if (inode.gone || inode.is_directory() || inode.handles > 0) return false;
  if (!inode.names.empty() && inode.is_held(mode_)) return false;
  inode.retire();
  return true;
}

// Collects the names before the first one is removed: nothing after that allocates.
void Sweeper::remove_file(const InodeRef& inode, const lifetime::Cause& cause, Holder holder,
                          Parents& parents) {
  bool gone = false;
  bool only_bound = false;  // nothing holds it but a process that may have it bound
  Named names;
  {
    base::Lock lock(inode->mutex);
    condemn(*inode);
    gone = inode->gone;
    lifetime::LifetimeFacts facts = inode->facts();
    const bool expires =
        holder == Holder::lost && facts.handles > 0 && lifetime::close_can_delete(mode_, facts);
    facts.bound = false;
    only_bound =
        !gone && inode->maybe_bound && !inode->names.empty() && !lifetime::is_held(mode_, facts);
    if (gone || expires) {
      for (const Dentry* name : inode->names)
        names.emplace_back(name->parent->shared_from_this(), name->name);
    }
  }
  if (only_bound) sockets_->look_after(inode);
  if (gone) return remove_names(inode, names, cause, parents);
  // A close can now delete it, so the kernel must not trust cached names.
  if (names.empty()) return;
  notices_.send([&](KernelNotices& kernel) {
    for (auto& [parent, name] : names) kernel.name_expired(parent->id, std::move(name));
  });
}

void Sweeper::remove_names(const InodeRef& inode, Named& names, const lifetime::Cause& cause,
                           Parents& parents) {
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
    if (parent->id != kRootId) parents.push_back(parent);
    if (removed.name) tell_gone(*parent, *inode, std::move(name), untold, cause);
  }
  free_content(*inode);
}

// Removes a directory if it is empty and nothing holds it.
void Sweeper::remove_directory(const InodeRef& directory, const lifetime::Cause& cause,
                               Parents& parents) {
  parents.reserve(parents.size() + 1);
  InodeRef parent;
  std::string name;
  {
    base::Lock lock(directory->mutex);
    if (directory->names.empty() || directory->is_held(mode_)) return;
    parent = directory->names.front()->parent->shared_from_this();
    name = directory->names.front()->name;
  }
  Removed removed;
  const auto untold = std::make_shared<Untold>(directory);
  {
    base::Lock lock(parent->directory->mutex);
    Dentry* entry = parent->directory->find(name);
    if (entry == nullptr || entry->inode != directory) return;  // renamed: looked at there
    base::Lock child_lock(directory->directory->mutex, parent->directory->mutex);
    if (!directory->directory->empty()) return;
    {
      base::Lock inode_lock(directory->mutex);
      if (directory->is_held(mode_)) return;
    }
    directory->directory->mark_removed();
    child_lock.unlock();
    removed = take_name(*parent, *entry);
  }
  untold->lend();
  if (parent->id != kRootId) parents.push_back(parent);
  tell_gone(*parent, *directory, std::move(name), untold, cause);
}

void Sweeper::tell_gone(const Inode& parent, const Inode& inode, std::string name,
                        const std::shared_ptr<void>& untold, const lifetime::Cause& cause) {
  deleted_for_[static_cast<std::size_t>(cause.reason)].fetch_add(1, std::memory_order_relaxed);
  log(inode, name, cause);
  notices_.send([&](KernelNotices& kernel) {
    kernel.name_gone(parent.id, inode.id, std::move(name), untold);
  });
}

void Sweeper::log(const Inode& inode, const std::string& name,
                  const lifetime::Cause& cause) noexcept {
  if (!log::is_on(log::Level::debug)) return;
  const auto omitted = log_.admit();
  if (!omitted) return;
  try {
    log::debug("deleted {} ({}): last held by {}, which {}{}", inode.id, base::printable(name),
               cause.holder, cause.end, base::and_more(*omitted));
  } catch (const std::bad_alloc&) {
    return;  // the deletion is not logged
  }
}

void Sweeper::free_content(Inode& inode) {
  if (inode.content) reaper_.free(inode.content->discard());
}

}  // namespace scratchfs::tree

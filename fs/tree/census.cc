#include "fs/tree/census.h"

#include <algorithm>
#include <unordered_set>
#include <vector>

#include "fs/tree/tree.h"

namespace scratchfs::tree {

namespace {

class Count {
 public:
  Count(lifetime::LifetimeMode mode, bool anything_spilled, const quota::Ledger& ledger)
      : mode_(mode), anything_spilled_(anything_spilled), ledger_(ledger) {}

  // `name` is the name by which the walk found the inode. Only an inode's first name counts, so
  // that each inode counts once.
  void add(const Inode& inode, const Dentry* name) {
    uid_t uid = 0;
    {
      base::Lock lock(inode.mutex);
      if (inode.gone || (inode.names.empty() ? nullptr : inode.names.front()) != name) return;
      uid = inode.uid;
      add_holders(inode.facts());
    }
    ++census_.objects;
    Census::User& user = census_.users[ledger_.holder_of(uid)];
    ++user.objects;
    if (!inode.content) return;
    const std::uint64_t allocated = inode.content->allocated();
    const std::uint64_t spilled =
        anything_spilled_ ? std::min(inode.content->spilled(), allocated) : 0;
    user.spilled += spilled;
    user.in_memory += allocated - spilled;
    const std::int64_t born = inode.born.tv_sec;
    user.oldest = std::min(user.oldest.value_or(born), born);
  }

  Census take() { return std::move(census_); }

 private:
  void add_holders(const lifetime::LifetimeFacts& facts) {
    const bool lasts = lifetime::is_held(mode_, {.regular = facts.regular});
    const bool claims_count = mode_ == lifetime::LifetimeMode::claimed;
    Census::Held& held = census_.held;
    held.handles += facts.handles > 0 ? 1U : 0U;
    held.claims += claims_count && facts.claimed ? 1U : 0U;
    held.directories += claims_count && facts.in_held_directory ? 1U : 0U;
    held.marks += facts.kept ? 1U : 0U;
    held.sockets += claims_count && facts.bound ? 1U : 0U;
    held.mount += lasts ? 1U : 0U;
    held.nothing += lifetime::is_held(mode_, facts) ? 0U : 1U;
  }

  const lifetime::LifetimeMode mode_;
  const bool anything_spilled_;
  const quota::Ledger& ledger_;  // maps a uid to the account that is charged
  Census census_;
};

}  // namespace

Census Tree::census() const {
  Count count(options_.lifetime, store_.has_spilled(), ledger_);
  std::vector<Directory::Seen> some;
  std::vector<InodeRef> to_look_at{root_};
  while (!to_look_at.empty()) {
    const InodeRef directory = std::move(to_look_at.back());
    to_look_at.pop_back();
    std::uint64_t cookie = 0;
    do {
      directory->directory->look_at_some(cookie, some);
      for (const auto& [inode, name] : some) {
        count.add(*inode, name);
        if (inode->is_directory()) to_look_at.push_back(inode);
      }
    } while (!some.empty());
  }
  // Open files without a name are in no directory.
  std::unordered_set<InodeRef> seen;
  const auto handles = handles_.all();
  for (const auto& handle : handles) {
    if (seen.insert(handle->inode).second) count.add(*handle->inode, nullptr);
  }
  Census census = count.take();
  census.handles = handles.size();
  return census;
}

}  // namespace scratchfs::tree

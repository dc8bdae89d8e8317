// An inode's names, with what a look-up asks of all of them counted: a file may have 65,000.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "fs/lifetime/claims.h"
#include "fs/tree/directory.h"

namespace scratchfs::tree {

// Not thread-safe: the inode's mutex guards it. Names are owned by their directories, which must be
// locked (not shared) when a name comes, goes, or is held by its directory or no longer held.
class Names {
 public:
  bool empty() const { return all_.empty(); }
  std::size_t size() const { return all_.size(); }
  Dentry* front() const { return all_.front(); }
  auto begin() const { return all_.begin(); }
  auto end() const { return all_.end(); }

  // How many are claimed; how many lie in a directory that holds its entries.
  std::size_t claimed() const { return claimed_; }
  std::size_t held_by_directories() const { return held_; }
  bool are_held() const { return claimed_ > 0 || held_ > 0; }  // one of them at least

  void add(Dentry& name);
  // Precondition: it has no claims any more.
  void drop(Dentry& name);
  // `fresh` is there from now on, `old` no longer, each with its claims. Needs no memory.
  void replace(Dentry& old, Dentry& fresh);
  // False: it was claimed by that one already.
  bool claim(Dentry& name, const ClaimantRef& claimant);
  void unclaim(Dentry& name, const ClaimantRef& claimant);
  void unclaim_all(Dentry& name);
  template <typename Predicate>  // of a ClaimantRef
  void unclaim_if(Dentry& name, Predicate predicate) {
    if (std::erase_if(name.claims, predicate) > 0 && name.claims.empty()) --claimed_;
  }
  // The directory of one of them holds its entries from now on, or no longer.
  void note_holding(bool holds) { held_ += holds ? 1 : -std::size_t{1}; }
  // Whether what is counted is what is there.
  bool counts_are_true() const;

 private:
  std::vector<Dentry*> all_;
  std::size_t claimed_ = 0;
  std::size_t held_ = 0;
};

}  // namespace scratchfs::tree

// What holds a file: keep marks, and the text of `system.scratchfs.lifetime`.
#include <fmt/core.h>

#include <algorithm>
#include <unordered_set>
#include <utility>

#include "fs/base/printable.h"
#include "fs/tree/holding.h"
#include "fs/tree/tree.h"

namespace scratchfs::tree {

namespace {

// Of each kind, kMostTold holders are named; of claimants, kMostCounted are counted. Thousands of
// sessions can claim a name, and a file can have names in thousands of directories; nobody reads
// that many.
constexpr std::size_t kMostTold = 16;
constexpr std::size_t kMostCounted = 1024;
constexpr std::size_t kLongestPath = 4096;
constexpr std::size_t kDeepest = 4096;        // levels that are walked upwards
constexpr std::size_t kMostText = 32U << 10;  // XATTR_SIZE_MAX is twice that
// A handler walks no more names than this.
constexpr std::size_t kMostNamesAtOnce = 256;

// Keeps the first `most` distinct values in the order in which they were added.
template <typename Value>
class Distinct {
 public:
  explicit Distinct(std::size_t most) : most_(most) {}

  void add(const Value& value) {
    if (seen_.contains(value)) return;
    left_out_ = left_out_ || all_.size() == most_;
    if (left_out_) return;
    seen_.insert(value);
    all_.push_back(value);
  }
  const std::vector<Value>& all() const { return all_; }
  bool left_out() const { return left_out_; }

 private:
  const std::size_t most_;
  bool left_out_ = false;
  std::unordered_set<Value> seen_;
  std::vector<Value> all_;
};

// Describes the first kMostTold claimants and counts the rest.
std::vector<std::string> words_of(const Distinct<lifetime::ClaimantRef>& distinct,
                                  lifetime::ClaimantKind& kind) {
  const std::vector<lifetime::ClaimantRef>& claimants = distinct.all();
  std::vector<std::string> words;
  std::vector<lifetime::ClaimantKey> keys;
  for (std::size_t i = 0; i < std::min(claimants.size(), kMostTold); ++i) {
    const lifetime::Claimant& claimant = *claimants[i];
    if (claimant.key() == lifetime::kForever) {
      words.push_back(claimant.words());
    } else {
      keys.push_back(claimant.key());
    }
  }
  if (!keys.empty()) {
    auto told = kind.describe_now(keys);
    words.insert(words.begin(), told.begin(), told.end());
  }
  if (claimants.size() > kMostTold)
    words.push_back(fmt::format("{}{} more", distinct.left_out() ? "at least " : "",
                                claimants.size() - kMostTold));
  return words;
}

// Joins as many of `words` as fit.
std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) {
    if (!text.empty()) text += "; ";
    if (text.size() + word.size() > kMostText) return text + "more";
    text += word;
  }
  return text;
}

// Returns the path from the mount's root, such as `/job1/sub`. A path that is too long is cut at
// its beginning.
std::string path_of(const InodeRef& directory) {
  std::string path;
  InodeRef at = directory;
  while (at->id != kRootId) {
    base::Lock lock(at->mutex);
    if (at->names.empty()) break;  // removed meanwhile
    const Dentry& name = *at->names.front();
    path.insert(0, "/" + name.name);
    if (path.size() > kLongestPath) return "..." + path;
    InodeRef parent = name.parent->shared_from_this();
    lock.unlock();
    at = std::move(parent);
  }
  return path.empty() ? "/" : path;
}

// Returns the nearest directory, from `directory` upwards, that is held by more than its own
// directory; or the last one that was looked at.
std::string holding_directory(const InodeRef& directory) {
  InodeRef at = directory;
  for (std::size_t level = 0; level < kDeepest && at->id != kRootId; ++level) {
    base::Lock lock(at->mutex);
    const auto facts = at->facts();
    if (facts.kept || facts.claimed || at->names.empty()) break;
    InodeRef parent = at->names.front()->parent->shared_from_this();
    lock.unlock();
    at = std::move(parent);
  }
  return path_of(at);
}

}  // namespace

base::Result<void> Tree::set_kept(const InodeRef& inode, bool kept, base::Wait wait) {
  if (inode->id == kRootId) return base::Errno(EINVAL);
  if (wait == base::Wait::no && has_to_spread(options_.lifetime, *inode)) return base::kWouldBlock;
  {
    base::Lock lock(inode->mutex);
    inode->kept = kept;
  }
  sweeper_.sweep_below(inode, lifetime::kMarkLifted);
  return {};
}

base::Result<std::string> Tree::describe_holders(const InodeRef& inode, Detail detail,
                                                 base::Wait wait) const {
  const bool in_full = detail == Detail::full;
  std::vector<std::string> words;
  Distinct<lifetime::ClaimantRef> claimants(kMostCounted);
  Distinct<InodeRef> directories(kMostTold);
  lifetime::LifetimeFacts facts;
  bool named = false;
  {
    base::Lock lock(inode->mutex);
    if (in_full && wait == base::Wait::no && inode->names.size() > kMostNamesAtOnce)
      return base::kWouldBlock;
    facts = inode->facts();
    named = !inode->names.empty() || inode->id == kRootId;
    for (const Dentry* name : inode->names) {
      if (!in_full) break;
      for (const lifetime::ClaimantRef& claimant : name->claims) claimants.add(claimant);
      if (name->parent->directory->holds_entries())
        directories.add(name->parent->shared_from_this());
    }
  }
  const bool must_ask = facts.bound || (in_full && facts.claimed);
  if (must_ask && wait == base::Wait::no) return base::kWouldBlock;
  if (facts.handles > 0)
    words.push_back(in_full ? fmt::format("handles: {}", facts.handles) : "handles");
  if (in_full) {
    for (std::string& told : words_of(claimants, kind_)) words.push_back(std::move(told));
    Distinct<std::string> holding(kMostTold);
    for (const InodeRef& directory : directories.all())
      holding.add(base::printable(holding_directory(directory)));
    for (const std::string& path : holding.all()) words.push_back("directory " + path);
    if (directories.left_out()) words.emplace_back("more directories");
  } else {
    if (facts.claimed) words.emplace_back("a claim");
    if (facts.in_held_directory) words.emplace_back("a directory");
  }
  if (facts.bound && sweeper_.sockets()->is_bound(*inode))
    words.emplace_back("a process that has it bound");
  if (facts.kept) words.emplace_back("keep mark");
  // What the mode keeps even if nothing else holds it.
  const bool lasts = inode->id == kRootId ||
                     lifetime::is_held(options_.lifetime, {.regular = inode->is_regular()});
  if (lasts && named) words.emplace_back("the mount");
  return words.empty() ? "nothing" : joined(words);
}

}  // namespace scratchfs::tree

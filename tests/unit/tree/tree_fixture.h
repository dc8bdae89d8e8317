// A tree without a kernel: a real store in memory, a real ledger, and claimants that end when a
// test says so.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "fs/tree/tree.h"

namespace scratchfs::tree {

using base::Errno;
using base::Wait;

// Which of two directories is locked first depends on where they are. ThreadSanitizer keeps the
// first order that it saw for each pair, so it would report moved directories.
#if defined(SCRATCHFS_SANITIZE_THREAD)
inline constexpr bool kDirectoriesMove = false;
#else
inline constexpr bool kDirectoriesMove = true;
#endif

// Claimants by pid: the end of pid 0 cannot be seen, and pid 404 has ended.
class FakeClaimants : public lifetime::ClaimantKind {
 public:
  Identity identify(const Caller& caller, Wait wait) override {
    if (caller.pid == 0) return lifetime::Unknowable{};
    if (caller.pid == 404) return lifetime::Vanished{};
    if (slow && wait == Wait::no) return lifetime::MustWait{};
    return static_cast<lifetime::ClaimantKey>(caller.pid);
  }
  std::string describe(lifetime::ClaimantKey key, pid_t) override {
    return "claimant " + std::to_string(key);
  }
  std::vector<std::string> describe_now(std::span<const lifetime::ClaimantKey> keys) override {
    std::vector<std::string> words;
    for (const lifetime::ClaimantKey key : keys) words.push_back(describe(key, 0) + " (fake)");
    return words;
  }
  void watch(lifetime::ClaimantKey key, pid_t) override { watched.insert(key); }
  void start(lifetime::ClaimantEvents events) override { events_ = std::move(events); }
  void stop() override {}
  // Ends a claimant. If `swept` waits for the sweep, returns when it is done.
  bool end(lifetime::ClaimantKey key) {
    const bool ended = events_.ended(key, events_.claims(key));
    if (swept) swept();
    return ended;
  }
  // Reports an end that was seen before `since_then` ran.
  template <typename Action>
  bool end_seen_before(lifetime::ClaimantKey key, Action since_then) {
    const auto claims = events_.claims(key);
    since_then();
    return events_.ended(key, claims);
  }

  bool slow = false;  // identify() returns MustWait with Wait::no
  std::function<void()> swept;

  std::set<lifetime::ClaimantKey> watched;

 private:
  lifetime::ClaimantEvents events_;
};

class RecordedNotices : public KernelNotices {
 public:
  void name_gone(InodeId, InodeId, std::string name, std::shared_ptr<void>) override {
    gone.insert(std::move(name));
  }
  void name_expired(InodeId, std::string name) override { expired.insert(std::move(name)); }
  void mode_changed(InodeId inode) override { changed_modes.insert(inode); }
  std::multiset<InodeId> changed_modes;
  std::multiset<std::string> gone;
  std::multiset<std::string> expired;
};

// Pending notifications: the kernel is notified when the test drops them.
class KeptNotices : public KernelNotices {
 public:
  void name_gone(InodeId, InodeId, std::string, std::shared_ptr<void> until_told) override {
    all.push_back(std::move(until_told));
  }
  void name_expired(InodeId, std::string) override {}
  void mode_changed(InodeId) override {}
  std::vector<std::shared_ptr<void>> all;
};

// For tests with many threads or failing allocations.
class SilentNotices : public KernelNotices {
 public:
  void name_gone(InodeId, InodeId, std::string, std::shared_ptr<void>) override {}
  void name_expired(InodeId, std::string) override {}
  void mode_changed(InodeId) override {}
};

// A transport that can tell everything (`known`), or nothing.
class FakeRequestBarrier : public RequestBarrier {
 public:
  bool all_handled(std::chrono::milliseconds how_long) override {
    ++asked;
    timeout = how_long;
    if (meanwhile) meanwhile();
    return known;
  }
  bool all_forgotten(std::chrono::milliseconds) override {
    if (forgets) forgets();
    return true;
  }
  std::atomic<bool> known = false;
  std::atomic<int> asked = 0;
  std::atomic<std::chrono::milliseconds> timeout{};  // of the last call
  std::function<void()> meanwhile;                   // runs before the answer
  std::function<void()> forgets;                     // the same for all_forgotten()
};

class TreeTest : public testing::Test {
 protected:
  static constexpr pid_t kSession = 10;
  static constexpr pid_t kOtherSession = 20;

  explicit TreeTest(lifetime::LifetimeMode lifetime = lifetime::LifetimeMode::claimed,
                    tree::CreateMode create_mode = tree::CreateMode::owner_only) {
    store_ = *store::Store::create({.memory = 512U << 20});
    start({.lifetime = lifetime, .create_mode = create_mode});
  }
  ~TreeTest() override {
    expect_clean_audit();
    tree_.reset();
    EXPECT_EQ(ledger_.total(), quota::Usage{});
    EXPECT_EQ(store_->stats().memory_used, 0U);
  }
  void finish_sweeps() const {
    while (tree_->has_deferred_sweeps()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  void expect_clean_audit() const {
    finish_sweeps();
    for (const std::string& line : tree_->audit()) ADD_FAILURE() << line;
  }
  void start(const TreeOptions& options) {
    tree_ = std::make_unique<Tree>(options, *store_, ledger_, claimants_);
    tree_->set_kernel(&notices_, &barrier_);
    claimants_.swept = [this] { finish_sweeps(); };
    root_ = tree_->find(kRootId);
  }

  static Caller caller(pid_t pid = kSession, uid_t uid = 1000) {
    return {.uid = uid, .gid = uid, .pid = pid, .umask = 022};
  }
  Created create(const InodeRef& directory, const std::string& name, int flags,
                 pid_t pid = kSession) {
    auto created = tree_->create(directory, name, 0644, flags, caller(pid), Wait::yes);
    EXPECT_TRUE(created) << name << ": " << (created ? 0 : created.error().value());
    return *created;
  }
  // Creates and closes a file.
  InodeRef make_file(const InodeRef& directory, const std::string& name, int flags = 0,
                     pid_t pid = kSession) {
    const auto created = create(directory, name, O_WRONLY | O_CREAT | flags, pid);
    tree_->release(created.opened.handle);
    return created.found.inode;
  }
  InodeRef make_directory(const InodeRef& directory, const std::string& name,
                          pid_t pid = kSession) {
    auto made = tree_->make(directory, name, S_IFDIR | 0777, 0, caller(pid), Wait::yes);
    EXPECT_TRUE(made) << name;
    return made->inode;
  }
  std::size_t write(HandleId handle, const std::string& text, std::uint64_t offset = 0) {
    const auto written = tree_->write(*tree_->handle(handle), std::as_bytes(std::span(text)),
                                      offset, false, Wait::yes);
    EXPECT_TRUE(written);
    return written ? *written : 0;
  }
  bool exists(const InodeRef& directory, const std::string& name) {
    const auto found = tree_->lookup(directory, name, Wait::yes);
    if (found) tree_->forget(found->inode->id, 1);
    return static_cast<bool>(found);
  }
  // The names in a listing, reversed: the oldest first.
  std::vector<std::string> names(const InodeRef& directory, uid_t viewer = 0) {
    std::vector<std::string> all;
    std::uint64_t cookie = 2;
    // A listing stops before a file that is just being closed; the next call goes on there.
    for (bool more = true; std::exchange(more, false);) {
      EXPECT_TRUE(tree_->list(
          directory, cookie, viewer,
          [&](const Listed& entry) {
            all.emplace_back(entry.name);
            cookie = entry.cookie;
            more = true;
            return true;
          },
          Wait::yes));
    }
    std::ranges::reverse(all);
    return all;
  }
  // As the kernel does with all that it has looked up: what is gone is charged until then.
  void forget_all() {
    constexpr InodeId kMost = 1 << 18;
    for (InodeId id = kRootId + 1; id < kMost; ++id) tree_->forget(id, ~std::uint64_t{0});
  }
  base::Result<void> rename(const std::string& from, const std::string& to,
                            RenameMode mode = RenameMode::replace) {
    return tree_->rename(root_, from, root_, to, mode, caller(), Wait::yes);
  }

  std::string holders(const InodeRef& inode, Tree::Detail detail = Tree::Detail::full) {
    return *tree_->describe_holders(inode, detail, Wait::yes);
  }

  quota::Ledger ledger_{quota::Ledger::Options{}};
  FakeClaimants claimants_;
  RecordedNotices notices_;
  FakeRequestBarrier barrier_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<Tree> tree_;
  InodeRef root_;
};

}  // namespace scratchfs::tree

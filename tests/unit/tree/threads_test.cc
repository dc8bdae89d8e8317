// Many threads on one tree: whatever their order, the tree ends up consistent and nothing is
// charged that does not exist. Meant for ThreadSanitizer and for the check of the lock order.
#include <gtest/gtest.h>

#include <atomic>
#include <cerrno>
#include <random>
#include <set>
#include <thread>

#include "tests/unit/tree/tree_fixture.h"

namespace scratchfs::tree {
namespace {

constexpr unsigned kDirectories = 4;
constexpr unsigned kNames = 8;
constexpr pid_t kSessions = 4;

// The errors that a lost race or a shortage may cause.
bool is_expected(Errno error) {
  static const std::set<int> expected{ENOENT, EEXIST, ENOTEMPTY, ENOTDIR, EISDIR,
                                      EINVAL, EPERM,  EDQUOT,    ENOSPC,  EINTR};
  return expected.contains(error.value());
}

// The fixture's claimants are for a single thread.
class SilentClaimants final : public FakeClaimants {
 public:
  void watch(lifetime::ClaimantKey, pid_t) override {}
};

class TreeThreads : public testing::Test {
 protected:
  TreeThreads() {
    barrier_.known = true;
    tree_.set_kernel(&notices_, &barrier_);
    for (unsigned i = 0; i < kDirectories; ++i) {
      const auto made = tree_.make(tree_.find(kRootId), std::to_string(i), S_IFDIR | 0777, 0,
                                   {.uid = 0, .gid = 0, .pid = 0, .umask = 0}, Wait::yes);
      directories_.push_back(made->inode);
    }
  }
  ~TreeThreads() override {
    while (tree_.has_deferred_sweeps()) std::this_thread::yield();
    for (const std::string& line : tree_.audit()) ADD_FAILURE() << line;
  }

  struct Actor {
    explicit Actor(unsigned seed) : random(seed) {}
    unsigned below(unsigned number) { return static_cast<unsigned>(random() % number); }

    std::minstd_rand random;
  };
  InodeRef directory(Actor& actor) const { return directories_[actor.below(kDirectories)]; }
  static std::string name(Actor& actor) { return "n" + std::to_string(actor.below(kNames)); }
  static Caller caller(Actor& actor) {
    return {.uid = 1000,
            .gid = 1000,
            .pid = 1 + static_cast<pid_t>(actor.below(kSessions)),
            .umask = 0};
  }
  template <typename Result>
  void expect(const Result& result) {
    if (!result && !is_expected(result.error())) {
      ADD_FAILURE() << "errno " << result.error().value();
    }
  }
  // Acts as if the request was answered and the kernel has forgotten the inode again.
  template <typename Result>
  void found(const Result& result) {
    expect(result);
    if (result) tree_.forget(result->inode->id, 1);
  }

  void open_write_close(Actor& actor, int flags) {
    const auto created = tree_.create(directory(actor), name(actor), 0600, O_RDWR | O_CREAT | flags,
                                      caller(actor), Wait::yes);
    expect(created);
    if (!created) return;
    const auto handle = tree_.handle(created->opened.handle);
    const std::string text(1 + actor.below(9000), 'x');
    expect(tree_.write(*handle, std::as_bytes(std::span(text)), actor.below(20'000), false,
                       Wait::yes));
    EXPECT_TRUE(actor.below(2) != 0 || tree_.flush(*handle));
    tree_.release(created->opened.handle);
    tree_.forget(created->found.inode->id, 1);
  }
  void act(Actor& actor) {
    switch (actor.below(14)) {
      case 0:
      case 1:
        return open_write_close(actor, 0);
      case 2:
        return open_write_close(actor, O_EXCL);
      case 3:
        return expect(tree_.unlink(directory(actor), name(actor), Wait::yes));
      case 4:
        return found(
            tree_.make(directory(actor), name(actor), S_IFDIR | 0700, 0, caller(actor), Wait::yes));
      case 5:
        return expect(tree_.rmdir(directory(actor), name(actor), Wait::yes));
      case 6:
        return rename(actor, RenameMode::replace);
      case 7:
        return rename(actor, RenameMode::no_replace);
      case 8:
        return rename(actor, RenameMode::exchange);
      case 9:
        return link(actor);
      case 10:
        return list(actor);
      case 11:
        return mark(actor, true);
      case 12:
        return mark(actor, false);
      default:
        return found(tree_.lookup(directory(actor), name(actor), Wait::yes));
    }
  }
  void rename(Actor& actor, RenameMode mode) {
    expect(tree_.rename(directory(actor), name(actor), directory(actor), name(actor), mode,
                        caller(actor), Wait::yes));
  }
  void link(Actor& actor) {
    const auto source = tree_.lookup(directory(actor), name(actor), Wait::yes);
    expect(source);
    if (!source) return;
    found(tree_.link(source->inode, directory(actor), name(actor), caller(actor), Wait::yes));
    tree_.forget(source->inode->id, 1);
  }
  void list(Actor& actor) {
    expect(tree_.list(
        directory(actor), 2, 0, [](const Listed&) { return true; }, Wait::yes));
  }
  // On a name in a directory, or on the directory itself if the name does not exist.
  void mark(Actor& actor, bool kept) {
    const auto marked = tree_.lookup(directory(actor), name(actor), Wait::yes);
    expect(marked);
    expect(tree_.set_kept(marked ? marked->inode : directory(actor), kept, Wait::yes));
    if (marked) tree_.forget(marked->inode->id, 1);
  }
  // Moves one of the directories into another, and back.
  void move_a_directory(Actor& actor) {
    const unsigned which = actor.below(kDirectories);
    const unsigned into = (which + 1 + actor.below(kDirectories - 1)) % kDirectories;
    const InodeRef root = tree_.find(kRootId);
    const std::string from = std::to_string(which);
    EXPECT_TRUE(tree_.rename(root, from, directories_[into], from, RenameMode::no_replace,
                             caller(actor), Wait::yes));
    base::Result<void> moved = Errno(EINTR);  // the mover's session may end meanwhile
    while (moved.is(Errno(EINTR)))
      moved = tree_.rename(directories_[into], from, root, from, RenameMode::no_replace,
                           caller(actor), Wait::yes);
    EXPECT_TRUE(moved);
  }

  std::unique_ptr<store::Store> store_ = *store::Store::create({.memory = 32U << 20});
  quota::Ledger ledger_{quota::Ledger::Options{}};
  SilentClaimants claimants_;
  SilentNotices notices_;
  FakeRequestBarrier barrier_;
  Tree tree_{TreeOptions{}, *store_, ledger_, claimants_};
  std::vector<InodeRef> directories_;
};

TEST_F(TreeThreads, NamesRaceWhileSessionsEndDirectoriesMoveAndLimitsChange) {
  std::atomic<bool> over{false};
  std::thread ending([&] {
    for (pid_t session = 0; !over; session = (session + 1) % kSessions)
      (void)claimants_.end(static_cast<lifetime::ClaimantKey>(1 + session));
  });
  std::thread limiting([&] {
    for (std::uint64_t kib = 0; !over; kib = (kib + 7) % 100)
      ledger_.set_limits(1000, quota::Limits{.bytes = 1024 * (1 + kib), .inodes = 1 + kib});
  });
  std::thread moving([&] {
    for (Actor actor(0); kDirectoriesMove && !over;) move_a_directory(actor);
  });
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < 8; ++i) {
    threads.emplace_back([this, i] {
      Actor actor(i + 1);
      for (int round = 0; round < 1500; ++round) act(actor);
    });
  }
  for (std::thread& thread : threads) thread.join();
  over = true;
  ending.join();
  limiting.join();
  moving.join();
}

TEST_F(TreeThreads, TwoHundredOpenUnlinkWriteAndClose) {
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < 200; ++i) {
    threads.emplace_back([this, i] {
      const std::string name = "t" + std::to_string(i);
      const InodeRef& parent = directories_[i % kDirectories];
      const std::string text(20'000, static_cast<char>('a' + i % 26));
      for (int round = 0; round < 8; ++round) {
        const auto created = tree_.create(parent, name, 0600, O_RDWR | O_CREAT | O_EXCL,
                                          {.uid = i, .gid = 0, .pid = 1, .umask = 0}, Wait::yes);
        ASSERT_TRUE(created) << created.error().value();
        const auto handle = tree_.handle(created->opened.handle);
        const bool early = round % 2 == 0;
        EXPECT_TRUE(!early || tree_.unlink(parent, name, Wait::yes));
        EXPECT_TRUE(tree_.write(*handle, std::as_bytes(std::span(text)), 0, false, Wait::yes));
        std::string back(text.size(), '\0');
        EXPECT_TRUE(
            tree_.read(*handle, std::as_writable_bytes(std::span(back)), 0, Via::call, Wait::yes));
        EXPECT_TRUE(back == text);
        EXPECT_TRUE(early || tree_.unlink(parent, name, Wait::yes));
        tree_.release(created->opened.handle);
        tree_.forget(created->found.inode->id, 1);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(ledger_.total().bytes, 0U);
  EXPECT_EQ(ledger_.total().inodes, kDirectories);
}

}  // namespace
}  // namespace scratchfs::tree

// Each allocation of each call fails once: the call reports that, has changed nothing, and works
// when it is repeated.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <spdlog/spdlog.h>

#include <new>

#include "tests/fakes/scarce_memory_new.h"
#include "tests/unit/tree/tree_fixture.h"

namespace scratchfs::tree {
namespace {

using fakes::OneFailure;

class Scarcity : public TreeTest {
 protected:
  Scarcity() {
    tree_->set_kernel(&silent_, &barrier_);
    spdlog::default_logger();  // created now, because it needs memory
  }

  // Calls `call`, which returns a Result, again and again, each time with a later allocation
  // failing, until none fails. `undo` reverts what `call` has done.
  template <typename Call, typename Undo>
  void expect_each_failure_is_told(Call call, Undo undo) {
    for (std::uint64_t spared = 0;; ++spared) {
      SCOPED_TRACE("the allocation after " + std::to_string(spared));
      const std::string before = state_below(*root_);
      bool happened = false;
      bool told = false;
      {
        const OneFailure failure(spared);
        try {
          const auto result = call();
          told = !result;
        } catch (const std::bad_alloc&) {
          told = true;
        }
        happened = failure.happened();
      }
      expect_clean_audit();
      if (told) {
        EXPECT_EQ(state_below(*root_), before);
      } else {
        undo();
      }
      expect_clean_audit();
      // Once more, with enough memory.
      const auto again = call();
      ASSERT_TRUE(again) << again.error().value();
      undo();
      expect_clean_audit();
      if (!happened || HasFailure()) return;
      ASSERT_LT(spared, 1000U);
    }
  }
  // The state below `directory`: each name with its inode, its claimants and its times.
  static std::string state_below(const Inode& directory) {
    std::string state = state_of(directory) + '\n';
    std::uint64_t cookie = 0;
    std::vector<Directory::Seen> some;
    do {
      directory.directory->look_at_some(cookie, some);
      for (const auto& [inode, name] : some) {
        state += name->name + ':';
        for (const lifetime::ClaimantRef& claimant : name->claims) state += ' ' + claimant->words();
        state +=
            inode->is_directory() ? " {" + state_below(*inode) + "}\n" : state_of(*inode) + '\n';
      }
    } while (!some.empty());
    return state;
  }
  static std::string state_of(const Inode& inode) {
    const Attributes now = inode.attributes();
    return fmt::format(
        " inode {}, mode {:o}, {} links, {} bytes, modified {}.{:09}, changed {}.{:09}", now.id,
        now.mode, now.links, now.size, now.modified.tv_sec, now.modified.tv_nsec,
        now.changed.tv_sec, now.changed.tv_nsec);
  }
  // Returns an `undo` for what creates `name` in the root.
  std::function<void()> removal(const std::string& name, bool directory = false) {
    return [this, name, directory] {
      const auto removed =
          directory ? tree_->rmdir(root_, name, Wait::yes) : tree_->unlink(root_, name, Wait::yes);
      EXPECT_TRUE(removed) << removed.error().value();
    };
  }
  base::Result<void> forgotten(const base::Result<Found>& found) {
    if (!found) return found.error();
    tree_->forget(found->inode->id, 1);
    return {};
  }
  // CREATE, and the close that follows.
  base::Result<void> create_and_close(const std::string& name, int flags) {
    const auto created =
        tree_->create(root_, name, 0644, O_RDWR | O_CREAT | flags, caller(), Wait::yes);
    if (!created) return created.error();
    close(*created);
    return {};
  }
  void close(const Created& created) {
    tree_->release(created.opened.handle);
    tree_->forget(created.found.inode->id, 1);
  }

  SilentNotices silent_;
  const std::string text_ = std::string(300'000, 'x');
};

TEST_F(Scarcity, OfMakingADirectory) {
  expect_each_failure_is_told(
      [&] {
        return forgotten(tree_->make(root_, "a directory with a long name", S_IFDIR | 0700, 0,
                                     caller(), Wait::yes));
      },
      removal("a directory with a long name", true));
}

TEST_F(Scarcity, OfMakingASymlink) {
  expect_each_failure_is_told(
      [&] {
        return forgotten(tree_->symlink(root_, "a symlink with a long name", text_.substr(0, 100),
                                        caller(), Wait::yes));
      },
      removal("a symlink with a long name"));
}

TEST_F(Scarcity, OfLinking) {
  const InodeRef file = make_file(root_, "file", O_EXCL);
  expect_each_failure_is_told(
      [&] {
        return forgotten(tree_->link(file, root_, "a link with a long name", caller(), Wait::yes));
      },
      removal("a link with a long name"));
}

TEST_F(Scarcity, OfRenaming) {
  make_file(root_, "here", O_EXCL);
  expect_each_failure_is_told(
      [&] { return rename("here", "a name that is longer than here"); },
      [&] { EXPECT_TRUE(rename("a name that is longer than here", "here")); });
}

TEST_F(Scarcity, OfRenamingADirectoryIntoAnother) {
  const InodeRef other = make_directory(root_, "other");
  const InodeRef moved = make_directory(root_, "moved");
  make_file(moved, "entry");
  expect_each_failure_is_told(
      [&] {
        return tree_->rename(root_, "moved", other, "moved", RenameMode::replace, caller(),
                             Wait::yes);
      },
      [&] {
        EXPECT_TRUE(tree_->rename(other, "moved", root_, "moved", RenameMode::replace, caller(),
                                  Wait::yes));
      });
  EXPECT_TRUE(exists(moved, "entry"));
}

// The target is made anew each time.
TEST_F(Scarcity, OfRenamingOverAFile) {
  const InodeRef directory = make_directory(root_, "directory");
  make_file(directory, "source");
  make_file(root_, "a target with a long name", O_EXCL);
  expect_each_failure_is_told(
      [&] {
        return tree_->rename(directory, "source", root_, "a target with a long name",
                             RenameMode::replace, caller(kOtherSession), Wait::yes);
      },
      [&] {
        EXPECT_TRUE(tree_->rename(root_, "a target with a long name", directory, "source",
                                  RenameMode::replace, caller(), Wait::yes));
        make_file(root_, "a target with a long name", O_EXCL);
      });
}

// Each name temporarily gets the other's claim.
TEST_F(Scarcity, OfRenamingAClaimedFileOverAnother) {
  const auto make_both = [&] {
    make_file(root_, "source", O_EXCL);
    make_file(root_, "a target with a long name", O_EXCL, kOtherSession);
  };
  make_both();
  expect_each_failure_is_told([&] { return rename("source", "a target with a long name"); },
                              [&] {
                                removal("a target with a long name")();
                                make_both();
                              });
}

TEST_F(Scarcity, OfRenamingADirectoryOverAnother) {
  const InodeRef source = make_directory(root_, "source");
  make_file(source, "entry");
  make_directory(root_, "a target with a long name", kOtherSession);
  expect_each_failure_is_told([&] { return rename("source", "a target with a long name"); },
                              [&] {
                                EXPECT_TRUE(rename("a target with a long name", "source"));
                                make_directory(root_, "a target with a long name", kOtherSession);
                              });
  EXPECT_TRUE(exists(source, "entry"));
}

TEST_F(Scarcity, OfExchangingAFileWithADirectoryElsewhere) {
  const InodeRef directory = make_directory(root_, "directory");
  const InodeRef file = make_file(directory, "file");
  const InodeRef other = make_directory(root_, "other", kOtherSession);
  const auto exchange = [&] {
    return tree_->rename(directory, "file", root_, "other", RenameMode::exchange, caller(),
                         Wait::yes);
  };
  expect_each_failure_is_told(exchange, [&] { EXPECT_TRUE(exchange()); });
  EXPECT_EQ(tree_->lookup(directory, "file", Wait::yes)->inode, file);
  EXPECT_EQ(tree_->lookup(root_, "other", Wait::yes)->inode, other);
}

// The exchanging session claims what leaves the directory.
TEST_F(Scarcity, OfExchangingAFileOutOfADirectory) {
  const InodeRef directory = make_directory(root_, "directory");
  make_file(directory, "file");
  const auto loose = create(root_, "loose", O_RDWR | O_CREAT);
  const auto exchange = [&] {
    return tree_->rename(directory, "file", root_, "loose", RenameMode::exchange,
                         caller(kOtherSession), Wait::yes);
  };
  expect_each_failure_is_told(exchange, [&] {
    EXPECT_TRUE(exchange());
    EXPECT_TRUE(claimants_.end(kOtherSession));
  });
  close(loose);
}

// The other name goes as well, during the call or a moment later.
TEST_F(Scarcity, OfRemovingTheLastNameThatIsHeld) {
  const InodeRef directory = make_directory(root_, "directory");
  const auto make_both = [&] {
    const InodeRef file = make_file(directory, "file");
    EXPECT_TRUE(forgotten(
        tree_->link(file, root_, "a link with a long name", caller(kOtherSession), Wait::yes)));
    claimants_.end(kOtherSession);
  };
  make_both();
  expect_each_failure_is_told([&] { return tree_->unlink(directory, "file", Wait::yes); },
                              [&] {
                                expect_clean_audit();  // once deferred work is done
                                EXPECT_FALSE(exists(root_, "a link with a long name"));
                                make_both();
                              });
}

TEST_F(Scarcity, OfRemoving) {
  const InodeRef directory = make_directory(root_, "directory");
  make_file(directory, "file");
  expect_each_failure_is_told([&] { return tree_->unlink(directory, "file", Wait::yes); },
                              [&] { make_file(directory, "file"); });
}

// This deletes everything in the directory.
TEST_F(Scarcity, OfLiftingAMark) {
  InodeRef directory;
  const auto make_all = [&] {
    directory = make_directory(root_, "directory", kOtherSession);
    make_file(make_directory(directory, "a directory with a long name", kOtherSession), "file", 0,
              kOtherSession);
    ASSERT_TRUE(tree_->set_kept(directory, true, Wait::yes));
    ASSERT_TRUE(claimants_.end(kOtherSession));
    ASSERT_TRUE(exists(root_, "directory"));
  };
  make_all();
  expect_each_failure_is_told([&] { return tree_->set_kept(directory, false, Wait::yes); },
                              [&] {
                                EXPECT_FALSE(exists(root_, "directory"));
                                make_all();
                              });
}

TEST_F(Scarcity, OfAnAttribute) {
  const InodeRef file = make_file(root_, "file", O_EXCL);
  expect_each_failure_is_told(
      [&] {
        return tree_->set_xattr(file, "user.with a long name", text_.substr(0, 100), XattrSet::any);
      },
      [&] { EXPECT_TRUE(tree_->remove_xattr(file, "user.with a long name")); });
}

TEST_F(Scarcity, OfCreatingAFile) {
  expect_each_failure_is_told([&] { return create_and_close("a file with a long name", O_EXCL); },
                              removal("a file with a long name"));
}

TEST_F(Scarcity, OfWriting) {
  const auto file = create(root_, "file", O_RDWR | O_CREAT | O_EXCL);
  const auto handle = tree_->handle(file.opened.handle);
  expect_each_failure_is_told(
      [&]() -> base::Result<void> {
        const auto written =
            tree_->write(*handle, std::as_bytes(std::span(text_)), 0, false, Wait::yes);
        if (!written) return written.error();
        return {};
      },
      [&] { EXPECT_TRUE(handle->inode->content->truncate(0, Wait::yes)); });
  close(file);
}

TEST_F(Scarcity, OfReplacingAnAttributeKeepsTheOldValue) {
  const InodeRef file = make_file(root_, "file", O_EXCL);
  const std::string old = text_.substr(0, 100);
  ASSERT_TRUE(tree_->set_xattr(file, "user.name", old, XattrSet::any));
  for (std::uint64_t spared = 0;; ++spared) {
    const OneFailure failure(spared);
    try {
      ASSERT_TRUE(tree_->set_xattr(file, "user.name", text_.substr(0, 5000), XattrSet::any));
    } catch (const std::bad_alloc&) {
    }
    if (!failure.happened()) break;
    EXPECT_EQ(*tree_->xattr(file, "user.name"), old) << "after " << spared;
    expect_clean_audit();
  }
  EXPECT_EQ(tree_->xattr(file, "user.name")->size(), 5000U);
}

// The directories that become empty are deleted as well, whichever allocation failed.
TEST_F(Scarcity, OfTheLastCloseInADirectoryThatNothingHolds) {
  const std::string outer = "an outer directory with a long name";
  const std::string inner = "an inner directory with a long name";
  for (std::uint64_t spared = 0;; ++spared) {
    const InodeRef directory = make_directory(root_, outer, kOtherSession);
    const InodeRef below = make_directory(directory, inner, kOtherSession);
    auto file = create(below, "a loose file with a long name", O_RDWR | O_CREAT);
    ASSERT_TRUE(claimants_.end(kOtherSession));
    bool happened = false;
    {
      const OneFailure failure(spared);
      tree_->release(file.opened.handle);
      happened = failure.happened();
    }
    tree_->forget(file.found.inode->id, 1);
    file.found.inode = nullptr;
    expect_clean_audit();  // once deferred work is done
    EXPECT_EQ(names(root_), std::vector<std::string>{}) << "after " << spared;
    if (!happened || HasFailure()) return;
  }
}

// A close cannot report a failure, so it must not fail.
TEST_F(Scarcity, OfTheLastClose) {
  for (std::uint64_t spared = 0;; ++spared) {
    auto file = create(root_, "a loose file with a long name", O_RDWR | O_CREAT);
    write(file.opened.handle, text_);
    bool happened = false;
    {
      const OneFailure failure(spared);
      tree_->release(file.opened.handle);
      happened = failure.happened();
    }
    tree_->forget(file.found.inode->id, 1);
    file.found.inode = nullptr;
    EXPECT_FALSE(exists(root_, "a loose file with a long name")) << "after " << spared;
    expect_clean_audit();
    EXPECT_EQ(root_->directory->size(), 0U);
    if (!happened || HasFailure()) return;
  }
}

// Nobody can be told of a failure, so the work is repeated. In the first round the thread that
// handles the end lacks memory, in the second the one that sweeps.
TEST_F(Scarcity, OfWhatFollowsTheEndOfASession) {
  const auto make_all = [&] {
    const InodeRef directory = make_directory(root_, "directory");
    make_directory(directory, "below", kOtherSession);
    make_file(directory, "a file with a long name");
    make_file(root_, "a file with another long name", O_EXCL);
  };
  const auto end_all = [&] {
    EXPECT_TRUE(claimants_.end(kOtherSession));
    EXPECT_TRUE(claimants_.end(kSession));
  };
  bool happened = true;
  for (std::uint64_t spared = 0; happened; ++spared) {
    make_all();
    const OneFailure failure(spared);
    end_all();
    happened = failure.happened();
  }
  EXPECT_EQ(names(root_), std::vector<std::string>{});
  std::uint64_t failures = 0;
  for (std::uint32_t every = 4; every < 20; ++every) {
    make_all();
    const fakes::ScarceMemory scarce(every);
    end_all();
    failures += scarce.failures();
    EXPECT_EQ(names(root_), std::vector<std::string>{}) << every;
    expect_clean_audit();
  }
  EXPECT_GT(failures, 8U);
}

}  // namespace
}  // namespace scratchfs::tree

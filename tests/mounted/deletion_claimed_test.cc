// lifetime=claimed, the default: loose files are deleted at their last close, claimed ones with the
// claiming session.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>

#include "tests/mounted/harness/child.h"
#include "tests/mounted/harness/claims.h"
#include "tests/mounted/harness/command.h"
#include "tests/mounted/harness/fd.h"
#include "tests/mounted/harness/look.h"
#include "tests/mounted/harness/mount.h"
#include "tests/mounted/harness/pace.h"
#include "tests/mounted/harness/parity.h"

namespace scratchfs::harness {
namespace {

class DeletionClaimed : public testing::TestWithParam<Transport> {
 protected:
  Mount mount_{"memory=64M", GetParam()};
  std::string at(const std::string& name) const { return mount_ / name; }
  Fd create(const std::string& name, int flags = 0) const {
    Fd file(open(at(name).c_str(), O_CREAT | O_RDWR | O_CLOEXEC | flags, 0600));
    EXPECT_TRUE(file.valid()) << name << ": " << errno_name(errno);
    return file;
  }
  bool gone_soon(const std::string& name) const { return harness::gone_soon(at(name)); }
};
INSTANTIATE_TEST_SUITE_P(Both, DeletionClaimed,
                         testing::Values(Transport::dev_fuse, Transport::io_uring),
                         TransportName{});

TEST_P(DeletionClaimed, ALooseFileGoesAtItsLastClose) {
  Fd file = create("loose");
  EXPECT_TRUE(exists(at("loose")));
  file.close();
  EXPECT_EQ(why_not(at("loose")), "ENOENT");
}

TEST_P(DeletionClaimed, AnExclusivelyCreatedFileStaysWhileItsSessionLives) {
  Child owner = session([&] { create("claimed", O_EXCL).close(); });
  EXPECT_TRUE(exists(at("claimed")));
  make_file(at("claimed").c_str(), "opened again, by another session");
  EXPECT_TRUE(exists(at("claimed")));
  end(owner);
  EXPECT_TRUE(gone_soon("claimed"));
}

TEST_P(DeletionClaimed, AKilledSessionLosesItsFilesToo) {
  Child owner = session([&] { create("claimed", O_EXCL).close(); });
  EXPECT_TRUE(exists(at("claimed")));
  owner.kill(SIGKILL);
  owner.join();
  EXPECT_TRUE(gone_soon("claimed"));
}

TEST_P(DeletionClaimed, ASessionLivesWhileAnyProcessIsInIt) {
  Child leader(kNewSession, [&](Channel& channel) {
    const pid_t member = fork();
    if (member == 0) {
      pause();
      _exit(0);
    }
    create("claimed", O_EXCL).close();
    channel.send(std::to_string(member));
  });
  const pid_t member = std::stoi(leader.receive());
  leader.join();
  EXPECT_FALSE(eventually([&] { return !exists(at("claimed")); }, 1.5))
      << "its session still has a member";
  kill(member, SIGKILL);
  EXPECT_TRUE(gone_soon("claimed"));
}

TEST_P(DeletionClaimed, AThreadClaimsForItsSession) {
  const Finished made = run({"python3", "-c",
                             "import threading, tempfile, sys, os\n"
                             "names = []\n"
                             "def work():\n"
                             "    fd, name = tempfile.mkstemp(dir=sys.argv[1])\n"
                             "    os.close(fd)\n"
                             "    names.append(name)\n"
                             "t = threading.Thread(target=work); t.start(); t.join()\n"
                             "assert os.path.exists(names[0])\n",
                             mount_.path()},
                            {.who = kNewSession});
  EXPECT_EQ(made.code, 0) << made.err;
  EXPECT_TRUE(eventually([&] { return names_in(mount_.path()).empty(); }, kSweepSeconds));
}

TEST_P(DeletionClaimed, DirectoriesHoldWhatIsInThem) {
  Child owner = session([&] {
    mkdir(at("d").c_str(), 0700);
    mkdir(at("d/sub").c_str(), 0700);
    make_file(at("d/f").c_str(), "plain");
    make_file(at("d/sub/g").c_str(), "deep");
  });
  check_in_child(kNewSession, [&] { make_file(at("d/stranger").c_str(), "of another session"); });
  EXPECT_EQ(bytes_of_file(at("d/f")), "plain");
  EXPECT_EQ(bytes_of_file(at("d/sub/g")), "deep");
  EXPECT_EQ(bytes_of_file(at("d/stranger")), "of another session");
  end(owner);
  EXPECT_TRUE(gone_soon("d"));
}

TEST_P(DeletionClaimed, EveryExclusiveCreationClaims) {
  Child owner = session([&] {
    EXPECT_EQ(mkdir(at("dir").c_str(), 0700), 0);
    EXPECT_EQ(mkfifo(at("fifo").c_str(), 0600), 0);
    EXPECT_EQ(mknod(at("node").c_str(), S_IFREG | 0600, 0), 0);
    EXPECT_EQ(mknod(at("socket").c_str(), S_IFSOCK | 0600, 0), 0);
    EXPECT_EQ(symlink("x", at("symlink").c_str()), 0);
    Fd loose = create("loose");
    EXPECT_EQ(link(at("loose").c_str(), at("link").c_str()), 0);
  });
  const std::vector<std::string> there = names_in(mount_.path());
  for (const char* name : {"dir", "fifo", "node", "socket", "symlink", "link"}) {
    EXPECT_TRUE(exists(at(name))) << name;
  }
  end(owner);
  EXPECT_TRUE(eventually([&] { return names_in(mount_.path()).empty(); }, kSweepSeconds));
}

TEST_P(DeletionClaimed, AFileWithTwoNamesLivesWhileEitherIsHeld) {
  Child owner = session([&] { create("first", O_EXCL).close(); });
  Child linker = session([&] { EXPECT_EQ(link(at("first").c_str(), at("second").c_str()), 0); });
  end(owner);
  // Its first name stays too: a file lives as long as any of its names is held.
  EXPECT_FALSE(eventually([&] { return !exists(at("second")); }, 1.5));
  EXPECT_TRUE(exists(at("first")));
  end(linker);
  EXPECT_TRUE(gone_soon("second"));
  EXPECT_TRUE(gone_soon("first"));
}

TEST_P(DeletionClaimed, DerivedNamesJoinTheClaim) {
  Child owner = session([&] {
    create("tmp.AbCdEfGh", O_EXCL).close();
    create("tmp.AbCdEfGh.out").close();
    create("ccXyZw12.s", O_EXCL).close();
    create("ccXyZw12.ltrans0.o").close();
    create("ccXyZw1.o").close();  // not the stem
  });
  EXPECT_TRUE(exists(at("tmp.AbCdEfGh.out")));
  EXPECT_TRUE(exists(at("ccXyZw12.ltrans0.o")));
  EXPECT_FALSE(exists(at("ccXyZw1.o")));
  check_in_child(kNewSession, [&] { create("tmp.AbCdEfGh.other").close(); });
  EXPECT_FALSE(exists(at("tmp.AbCdEfGh.other"))) << "only the claiming session's own names join";
  end(owner);
  EXPECT_TRUE(eventually([&] { return names_in(mount_.path()).empty(); }, kSweepSeconds));
}

TEST_P(DeletionClaimed, ReplacingAClaimedFileKeepsItsClaims) {
  Child owner = session([&] { create("config", O_EXCL).close(); });
  Child editor = session([&] {
    Fd file = create("config.new", O_EXCL);
    EXPECT_EQ(write(file.get(), "new", 3), 3);
    file.close();
    EXPECT_EQ(rename(at("config.new").c_str(), at("config").c_str()), 0);
  });
  end(editor);
  EXPECT_FALSE(eventually([&] { return !exists(at("config")); }, 1.5))
      << "its first claimant still lives";
  EXPECT_EQ(bytes_of_file(at("config")), "new");
  end(owner);
  EXPECT_TRUE(gone_soon("config"));
}

TEST_P(DeletionClaimed, TheNewFileIsClaimedByItsMakerToo) {
  Child owner = session([&] { create("config", O_EXCL).close(); });
  Child editor = session([&] {
    create("config.new", O_EXCL).close();
    EXPECT_EQ(rename(at("config.new").c_str(), at("config").c_str()), 0);
  });
  end(owner);
  EXPECT_FALSE(eventually([&] { return !exists(at("config")); }, 1.5))
      << "who renamed it still lives";
  end(editor);
  EXPECT_TRUE(gone_soon("config"));
}

TEST_P(DeletionClaimed, SedInPlaceFromAShortSessionTakesNothingAlong) {
  Child owner = session([&] {
    Fd file = create("list", O_EXCL);
    EXPECT_EQ(write(file.get(), "one\ntwo\n", 8), 8);
  });
  const Finished sed = run({"sed", "-i", "s/one/1/", at("list")}, {.who = kNewSession});
  EXPECT_EQ(sed.code, 0) << sed.err;
  EXPECT_FALSE(eventually([&] { return !exists(at("list")); }, 1.5));
  EXPECT_EQ(bytes_of_file(at("list")), "1\ntwo\n");
  end(owner);
  EXPECT_TRUE(gone_soon("list"));
}

TEST_P(DeletionClaimed, AnOpenFileInAnAbandonedDirectoryKeepsBoth) {
  Child owner = session([&] {
    mkdir(at("d").c_str(), 0700);
    make_file(at("d/f").c_str(), "content");
    make_file(at("d/g").c_str(), "content");
  });
  Fd open_file(open(at("d/f").c_str(), O_RDONLY | O_CLOEXEC));
  ASSERT_TRUE(open_file.valid());
  end(owner);
  EXPECT_TRUE(gone_soon("d/g"));
  EXPECT_FALSE(eventually([&] { return !exists(at("d/f")); }, 1.5)) << "it is open";
  open_file.close();
  EXPECT_TRUE(gone_soon("d"));
}

TEST_P(DeletionClaimed, AnOpenClaimedFileOutlivesItsSession) {
  Child owner = session([&] { create("f", O_EXCL).close(); });
  Fd file(open(at("f").c_str(), O_RDWR | O_CLOEXEC));
  end(owner);
  EXPECT_FALSE(eventually([&] { return !exists(at("f")); }, 1.5));
  EXPECT_EQ(write(file.get(), "x", 1), 1);
  file.close();
  EXPECT_TRUE(gone_soon("f"));
}

TEST_P(DeletionClaimed, UnlinkActsAtOnce) {
  Fd file = create("f", O_EXCL);
  EXPECT_EQ(unlink(at("f").c_str()), 0);
  EXPECT_EQ(why_not(at("f")), "ENOENT");
  EXPECT_EQ(write(file.get(), "x", 1), 1);
  struct stat info {};
  EXPECT_EQ(fstat(file.get(), &info), 0);
  EXPECT_EQ(info.st_nlink, 0U);
  EXPECT_EQ(info.st_size, 1);
}

TEST_P(DeletionClaimed, AClaimedFileTurnsUpAgainForEveryOpen) {
  create("f", O_EXCL).close();
  for (int i = 0; i < 100; ++i) {
    make_file(at("f").c_str(), std::to_string(i));
    ASSERT_EQ(bytes_of_file(at("f")), std::to_string(i));
  }
  EXPECT_EQ(unlink(at("f").c_str()), 0);
}

TEST_P(DeletionClaimed, AFileRenamedIntoADirectoryIsHeldByIt) {
  ASSERT_EQ(mkdir(at("d").c_str(), 0700), 0);
  Fd file = create("loose");
  ASSERT_EQ(rename(at("loose").c_str(), at("d/kept").c_str()), 0);
  file.close();
  EXPECT_TRUE(exists(at("d/kept")));
  ASSERT_EQ(unlink(at("d/kept").c_str()), 0);
  ASSERT_EQ(rmdir(at("d").c_str()), 0);
}

TEST_P(DeletionClaimed, ManySessionsEachLoseTheirOwn) {
  std::vector<Child> owners;
  for (int i = 0; i < 20; ++i) {
    owners.push_back(session([&] {
      for (int k = 0; k < 5; ++k) {
        create("s" + std::to_string(i) + "-" + std::to_string(k), O_EXCL).close();
      }
    }));
  }
  EXPECT_EQ(names_in(mount_.path()).size(), 100U);
  for (int i = 0; i < 20; i += 2) {
    end(owners[static_cast<std::size_t>(i)]);
  }
  EXPECT_TRUE(eventually([&] { return names_in(mount_.path()).size() == 50; }, kSweepSeconds));
  for (const std::string& name : names_in(mount_.path())) {
    EXPECT_EQ((name[name.find('-') - 1] - '0') % 2, 1)
        << name << " belongs to a session that has ended";
  }
  for (int i = 1; i < 20; i += 2) {
    end(owners[static_cast<std::size_t>(i)]);
  }
  EXPECT_TRUE(eventually([&] { return names_in(mount_.path()).empty(); }, kSweepSeconds));
}

TEST_P(DeletionClaimed, AGibibyteThatIsDeletedIsFreeAtOnce) {
  constexpr std::size_t kGibibyte = 1UL << 30;
  const std::uint64_t before = free_bytes(mount_.path());
  Fd file = create("large");
  const std::string data = random_bytes(1 << 20, 1);
  for (std::size_t done = 0; done < kGibibyte; done += data.size()) {
    ASSERT_EQ(write(file.get(), data.data(), data.size()), static_cast<ssize_t>(data.size()))
        << errno_name(errno);
  }
  EXPECT_LE(free_bytes(mount_.path()), before - kGibibyte);
  file.close();
  EXPECT_EQ(why_not(at("large")), "ENOENT");
  // The name goes first, the memory right after it.
  EXPECT_TRUE(eventually([&] { return free_bytes(mount_.path()) + (1 << 20) >= before; }, 0.5));
}

}  // namespace
}  // namespace scratchfs::harness

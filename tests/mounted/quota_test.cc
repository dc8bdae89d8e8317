// Quotas: EDQUOT from the very call that exceeds the limit, no loss of accepted data, and a ledger
// that never drifts.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <vector>

#include "tests/mounted/harness/child.h"
#include "tests/mounted/harness/command.h"
#include "tests/mounted/harness/fd.h"
#include "tests/mounted/harness/look.h"
#include "tests/mounted/harness/mount.h"
#include "tests/mounted/harness/pace.h"
#include "tests/mounted/harness/parity.h"
#include "tests/units.h"

namespace scratchfs::harness {
namespace {

class Quota : public testing::TestWithParam<Transport> {
 protected:
  // Alice: 1 MiB and 20 inodes; Bob: 2 MiB; everybody else: 4 MiB and 50 inodes.
  Mount mount_{"lifetime=mount,create_mode=posix,memory=64M,quota=4M,quota_inodes=50,user_quota=" +
                   std::to_string(kAlice) + ":1M:20,user_quota=" + std::to_string(kBob) + ":2M",
               GetParam()};
  std::string at(const std::string& name) const { return mount_ / name; }
  Fd create(const std::string& name, int flags = O_RDWR) const {
    Fd file(open(at(name).c_str(), O_CREAT | O_CLOEXEC | flags, 0644));
    EXPECT_TRUE(file.valid()) << name << ": " << errno_name(errno);
    return file;
  }
  void expect_no_drift(uid_t uid) const { EXPECT_EQ(charged(uid), found(uid)); }
  std::string charged(uid_t uid) const { return text(charged_to(mount_, uid)); }
  std::string found(uid_t uid) const { return text(found_of(mount_, uid)); }
  static std::string text(Usage usage) {
    return std::to_string(usage.bytes) + " bytes, " + std::to_string(usage.inodes) + " inodes";
  }
};
INSTANTIATE_TEST_SUITE_P(Both, Quota, testing::Values(Transport::dev_fuse, Transport::io_uring),
                         TransportName{});

TEST_P(Quota, AWriteFillsWhatIsLeftAndTheNextFails) {
  check_in_child(as_user(kAlice), [&] {
    const Fd file = create("f");
    const std::string data = random_bytes(2 * kMiB, 1);
    std::size_t done = 0;
    ssize_t put = 0;
    while ((put = write(file.get(), data.data() + done, data.size() - done)) > 0) {
      done += static_cast<std::size_t>(put);
    }
    EXPECT_EQ(put, -1);
    EXPECT_EQ(errno_name(errno), "EDQUOT");
    EXPECT_EQ(done, kMiB);
    EXPECT_TRUE(bytes_of_file(at("f")) == data.substr(0, done)) << "what was accepted is lost";
    // Overwriting what exists needs no room.
    EXPECT_EQ(pwrite(file.get(), data.data(), 4096, 8192), 4096);
  });
  expect_no_drift(kAlice);
}

TEST_P(Quota, SmallWritesEndExactlyAtTheLimit) {
  check_in_child(as_user(kAlice), [&] {
    const Fd file = create("f");
    const std::string data(1000, 'x');
    std::size_t done = 0;
    ssize_t put = 0;
    while ((put = write(file.get(), data.data(), data.size())) > 0) {
      done += static_cast<std::size_t>(put);
    }
    EXPECT_EQ(errno_name(errno), "EDQUOT");
    EXPECT_EQ(done, kMiB);
    EXPECT_EQ(ftruncate(file.get(), 0), 0);
    EXPECT_EQ(write(file.get(), data.data(), data.size()), 1000)
        << "what was freed can be used again";
  });
}

TEST_P(Quota, FallocateGivesAllOrNothing) {
  check_in_child(as_user(kAlice), [&] {
    const Fd file = create("f");
    EXPECT_EQ(fallocate(file.get(), 0, 0, 2 * kMiB), -1);
    EXPECT_EQ(errno_name(errno), "EDQUOT");
    struct stat info {};
    EXPECT_EQ(fstat(file.get(), &info), 0);
    EXPECT_EQ(info.st_blocks, 0);
    EXPECT_EQ(fallocate(file.get(), 0, 0, kMiB / 2), 0) << errno_name(errno);
  });
  expect_no_drift(kAlice);
}

TEST_P(Quota, GrowingByTruncateAllocatesNothing) {
  check_in_child(as_user(kAlice), [&] {
    const Fd file = create("f");
    EXPECT_EQ(ftruncate(file.get(), 1L << 40), 0);
    EXPECT_EQ(pwrite(file.get(), "x", 1, 1L << 39), 1);
  });
  expect_no_drift(kAlice);
}

TEST_P(Quota, EveryCreationCountsAnInode) {
  check_in_child(as_user(kAlice), [&] {
    for (int i = 0; i < 19; ++i) {
      create("f" + std::to_string(i));
    }
    EXPECT_EQ(outcome(mkdir(at("d").c_str(), 0700)), "0");  // the twentieth
    EXPECT_LT(open(at("g").c_str(), O_CREAT | O_RDWR, 0600), 0);
    EXPECT_EQ(errno_name(errno), "EDQUOT");
    EXPECT_EQ(outcome(mkdir(at("e").c_str(), 0700)), "EDQUOT");
    EXPECT_EQ(outcome(mkfifo(at("p").c_str(), 0600)), "EDQUOT");
    EXPECT_EQ(outcome(mknod(at("n").c_str(), S_IFREG | 0600, 0)), "EDQUOT");
    EXPECT_EQ(outcome(symlink("x", at("s").c_str())), "EDQUOT");
    EXPECT_EQ(outcome(link(at("f0").c_str(), at("l").c_str())), "EDQUOT");
    EXPECT_LT(open(mount_.path().c_str(), O_TMPFILE | O_RDWR, 0600), 0);
    EXPECT_EQ(errno_name(errno), "EDQUOT");
    EXPECT_EQ(outcome(unlink(at("f0").c_str())), "0");
    EXPECT_EQ(outcome(symlink("x", at("s").c_str())), "0");
  });
  expect_no_drift(kAlice);
  EXPECT_EQ(charged_to(mount_, kAlice).inodes, 20U);
}

TEST_P(Quota, AttributesAreCharged) {
  check_in_child(as_user(kAlice), [&] {
    create("f");
    int set = 0;
    std::string error;
    const std::string value(30'000, 'v');
    for (int i = 0; i < 100; ++i) {
      const std::string name = "user." + std::to_string(i);
      if (setxattr(at("f").c_str(), name.c_str(), value.data(), value.size(), 0) != 0) {
        error = errno_name(errno);
        break;
      }
      ++set;
    }
    EXPECT_TRUE(error == "EDQUOT" || error == "ENOSPC") << error << " after " << set;
    EXPECT_LE(static_cast<std::size_t>(set) * value.size(), kMiB);
  });
}

TEST_P(Quota, StatfsAnswersForTheCaller) {
  struct statfs of_root {};
  ASSERT_EQ(statfs(mount_.path().c_str(), &of_root), 0);
  check_in_child(as_user(kAlice), [&] {
    const auto bytes = [&] {
      struct statfs info {};
      EXPECT_EQ(statfs(mount_.path().c_str(), &info), 0);
      return std::pair(info.f_blocks * static_cast<std::uint64_t>(info.f_bsize),
                       info.f_bavail * static_cast<std::uint64_t>(info.f_bsize));
    };
    EXPECT_EQ(bytes(), (std::pair<std::uint64_t, std::uint64_t>(kMiB, kMiB)));
    const Fd file = create("f");
    const std::string data(kMiB / 4, 'x');
    EXPECT_EQ(write(file.get(), data.data(), data.size()), static_cast<ssize_t>(data.size()));
    EXPECT_EQ(bytes(), (std::pair<std::uint64_t, std::uint64_t>(kMiB, kMiB - kMiB / 4)));
    struct statfs info {};
    EXPECT_EQ(statfs(mount_.path().c_str(), &info), 0);
    EXPECT_EQ(info.f_files, 20U);
    EXPECT_EQ(info.f_ffree, 19U);
  });
  EXPECT_GT(of_root.f_blocks * static_cast<std::uint64_t>(of_root.f_bsize), 16 * kMiB);
}

TEST_P(Quota, ChownMovesTheChargeOrFails) {
  {
    const Fd file = create("f");
    const std::string data(kMiB + kMiB / 2, 'x');
    ASSERT_EQ(write(file.get(), data.data(), data.size()), static_cast<ssize_t>(data.size()));
  }
  EXPECT_EQ(outcome(chown(at("f").c_str(), kAlice, gid_t(-1))), "EDQUOT");
  struct stat info {};
  ASSERT_EQ(stat(at("f").c_str(), &info), 0);
  EXPECT_EQ(info.st_uid, 0U);
  EXPECT_EQ(outcome(chown(at("f").c_str(), kBob, gid_t(-1))), "0");
  EXPECT_EQ(charged(kBob), text({kMiB + kMiB / 2, 1}));
  EXPECT_EQ(charged(0), text({0, 0}));
  EXPECT_EQ(outcome(chown(at("f").c_str(), 0, gid_t(-1))), "0");
  EXPECT_EQ(charged(kBob), text({0, 0}));
}

TEST_P(Quota, EachNameOfAFileMovesWithIt) {
  create("f");
  ASSERT_EQ(outcome(link(at("f").c_str(), at("g").c_str())), "0");
  ASSERT_EQ(outcome(chown(at("f").c_str(), kBob, gid_t(-1))), "0");
  EXPECT_EQ(charged(kBob), text({0, 2}));
  // A link that another user makes counts for the owner, too.
  ASSERT_EQ(outcome(link(at("f").c_str(), at("h").c_str())), "0");
  EXPECT_EQ(charged(kBob), text({0, 3}));
  unlink(at("f").c_str());
  unlink(at("g").c_str());
  EXPECT_EQ(charged(kBob), text({0, 1}));
}

TEST_P(Quota, RootHasNoLimitUnlessGivenOne) {
  const Fd file = create("f");
  EXPECT_EQ(outcome(fallocate(file.get(), 0, 0, 8 * kMiB)), "0");
  EXPECT_EQ(
      run({scratchfs_binary(), "quota", mount_.path(), "--user", "root", "--bytes", "8M"}).code, 0);
  EXPECT_EQ(outcome(fallocate(file.get(), 0, 0, 9 * kMiB)), "EDQUOT");
}

TEST_P(Quota, LimitsChangeWhileMounted) {
  const std::string alice = std::to_string(kAlice);
  const auto fills = [&] {
    return in_child(as_user(kAlice), [&]() -> std::string {
      const Fd file = create("f", O_RDWR | O_TRUNC);
      const std::string data(4096, 'x');
      std::size_t done = 0;
      while (write(file.get(), data.data(), data.size()) == 4096) {
        done += data.size();
      }
      return std::to_string(done >> 10) + " KiB, " + errno_name(errno);
    });
  };
  EXPECT_EQ(fills(), "1024 KiB, EDQUOT");
  EXPECT_EQ(
      run({scratchfs_binary(), "quota", mount_.path(), "--user", alice, "--bytes", "512K"}).code,
      0);
  EXPECT_EQ(fills(), "512 KiB, EDQUOT");
  EXPECT_EQ(
      run({scratchfs_binary(), "quota", mount_.path(), "--user", alice, "--bytes", "3M"}).code, 0);
  EXPECT_EQ(fills(), "3072 KiB, EDQUOT");
}

TEST_P(Quota, LimitsAreLifted) {
  const std::string alice = std::to_string(kAlice);
  const auto fills = [&](std::uint64_t bytes) {
    return in_child(as_user(kAlice), [&] {
      const Fd file = create("f");
      return outcome(fallocate(file.get(), 0, 0, static_cast<off_t>(bytes)));
    });
  };
  const auto set = [&](const std::vector<std::string>& what) {
    std::vector<std::string> words{scratchfs_binary(), "quota", mount_.path()};
    words.insert(words.end(), what.begin(), what.end());
    return run(words).code;
  };
  EXPECT_EQ(fills(2 * kMiB), "EDQUOT");
  EXPECT_EQ(set({"--user", alice, "--bytes", "none"}), 0);
  EXPECT_EQ(fills(8 * kMiB), "0");
  // Back to everyone's 4 MiB, which she exceeds: nothing is deleted, and nothing may be added.
  EXPECT_EQ(set({"--user", alice, "--reset"}), 0);
  EXPECT_EQ(fills(9 * kMiB), "EDQUOT");
  EXPECT_EQ(set({"--everyone", "--bytes", "none"}), 0);
  EXPECT_EQ(fills(9 * kMiB), "0");
}

TEST_P(Quota, LoweringALimitBelowTheUseTakesNothingAway) {
  const std::string alice = std::to_string(kAlice);
  check_in_child(as_user(kAlice), [&] {
    const Fd file = create("f");
    EXPECT_EQ(outcome(fallocate(file.get(), 0, 0, kMiB / 2)), "0");
  });
  EXPECT_EQ(
      run({scratchfs_binary(), "quota", mount_.path(), "--user", alice, "--bytes", "64K"}).code, 0);
  check_in_child(as_user(kAlice), [&] {
    const Fd file = create("f");
    EXPECT_EQ(pwrite(file.get(), "x", 1, 100), 1) << "existing pages can be written";
    EXPECT_EQ(pwrite(file.get(), "x", 1, 10 * kMiB), -1);
    EXPECT_EQ(errno_name(errno), "EDQUOT");
    struct statfs info {};
    EXPECT_EQ(statfs(mount_.path().c_str(), &info), 0);
    EXPECT_EQ(info.f_bavail, 0U);
  });
}

TEST_P(Quota, OnlyRootSetsLimits) {
  const Finished refused = run(
      {scratchfs_binary(), "quota", mount_.path(), "--user", std::to_string(kBob), "--bytes", "1G"},
      {.who = as_user(kBob)});
  EXPECT_EQ(refused.code, 1);
  EXPECT_NE(refused.err, "");
}

TEST_P(Quota, UnlinkedOpenFilesStayCharged) {
  Child holder(as_user(kBob), [&](Channel& channel) {
    Fd file = create("f");
    EXPECT_EQ(outcome(fallocate(file.get(), 0, 0, kMiB)), "0");
    unlink(at("f").c_str());
    channel.send("unlinked");
    channel.receive();
    file.close();
  });
  holder.receive();
  EXPECT_EQ(charged_to(mount_, kBob).bytes, kMiB);
  holder.send("close");
  holder.join();
  EXPECT_TRUE(eventually([&] { return charged_to(mount_, kBob) == Usage{}; }, 2)) << charged(kBob);
}

// Two users write, truncate, punch and delete while root transfers their files back and forth.
TEST_P(Quota, ConcurrentWritersAndChownNeverDriftTheLedger) {
  constexpr int kFiles = 6;
  for (int i = 0; i < kFiles; ++i) {
    create("shared" + std::to_string(i));
    chmod(at("shared" + std::to_string(i)).c_str(), 0666);
  }
  const int rounds = slowness() == 1 ? 1500 : 300;
  std::vector<Child> writers;
  for (const uid_t uid : {kAlice, kAlice, kBob, kBob}) {
    writers.emplace_back(
        as_user(uid), [&, seed = static_cast<unsigned>(writers.size() + uid)](Channel&) {
          unsigned random = seed;
          const std::string data = random_bytes(100'000, seed);
          for (int i = 0; i < rounds; ++i) {
            random = random * 1664525 + 1013904223;
            const std::string name = "shared" + std::to_string((random >> 20) % kFiles);
            const Fd file(open(at(name).c_str(), O_RDWR | O_CLOEXEC));
            const off_t offset = (random >> 8) % 600'000;
            switch ((random >> 4) % 5) {
              case 0:
                static_cast<void>(ftruncate(file.get(), offset));
                break;
              case 1:
                fallocate(file.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, 50'000);
                break;
              case 2:
                fallocate(file.get(), 0, offset, 30'000);
                break;
              default:
                static_cast<void>(
                    pwrite(file.get(), data.data(), (random >> 10) % data.size(), offset));
                break;
            }
            if (i % 10 == 0) {
              const std::string own = "own" + std::to_string(getpid());
              const Fd mine(open(at(own).c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600));
              static_cast<void>(write(mine.get(), data.data(), 20'000));
              unlink(at(own).c_str());
            }
          }
        });
  }
  Child giver(Who{}, [&](Channel&) {
    unsigned random = 7;
    for (int i = 0; i < rounds; ++i) {
      random = random * 1664525 + 1013904223;
      const std::string name = at("shared" + std::to_string((random >> 20) % kFiles));
      static_cast<void>(chown(name.c_str(), (random >> 9) % 2 == 0 ? kAlice : kBob, gid_t(-1)));
    }
  });
  for (Child& writer : writers) {
    writer.join();
  }
  giver.join();
  // The writers' unlinked files stay charged until their RELEASE has arrived.
  for (const uid_t uid : {kAlice, kBob}) {
    EXPECT_TRUE(eventually([&] { return charged(uid) == found(uid); }, 2))
        << charged(uid) << " but " << found(uid);
  }
  for (const std::string& name : names_in(mount_.path())) {
    EXPECT_EQ(unlink(at(name).c_str()), 0);
  }
  EXPECT_EQ(charged(kAlice), text({}));
  EXPECT_EQ(charged(kBob), text({}));
}

}  // namespace
}  // namespace scratchfs::harness

// With private_names users find their own entries in the root, whatever they use to look and
// whoever has looked before.
#include <dirent.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tests/mounted/harness/child.h"
#include "tests/mounted/harness/command.h"
#include "tests/mounted/harness/fd.h"
#include "tests/mounted/harness/look.h"
#include "tests/mounted/harness/mount.h"

namespace scratchfs::harness {
namespace {

using Strings = std::vector<std::string>;

class PrivateNames : public testing::TestWithParam<Transport> {
 protected:
  PrivateNames() {
    for (const uid_t uid : {kAlice, kBob}) {
      check_in_child(as_user(uid), [&] {
        const std::string own = uid == kAlice ? "alices" : "bobs";
        EXPECT_EQ(mkdir(at(own).c_str(), 0700), 0);
        EXPECT_TRUE(Fd(open(at(own + "-file").c_str(), O_CREAT | O_RDWR, 0600)).valid());
      });
    }
  }
  std::string at(const std::string& name) const { return mount_ / name; }
  // Expects what the user sees in the root, both in a plain listing and in one that stats each
  // entry.
  void expect_sees(uid_t uid, const Strings& names) const {
    check_in_child(as_user(uid), [&] { EXPECT_EQ(names_in(mount_.path()), names); });
    std::string lines;
    for (const std::string& name : names) lines += name + "\n";
    EXPECT_EQ(
        shell("cd " + mount_.path() + " && LC_ALL=C ls -l | sed -n 's/.* //p' | grep -v '^[0-9]*$'",
              {.who = as_user(uid)})
            .out,
        lines);
  }

  Mount mount_{"lifetime=mount,private_names", GetParam()};
};
INSTANTIATE_TEST_SUITE_P(Both, PrivateNames,
                         testing::Values(Transport::dev_fuse, Transport::io_uring),
                         TransportName{});

TEST_P(PrivateNames, EachIsShownHisOwnAndRootAllInWhateverOrderTheyLook) {
  const Strings alices{"alices", "alices-file"};
  const Strings bobs{"bobs", "bobs-file"};
  const Strings all{"alices", "alices-file", "bobs", "bobs-file"};
  for (int round = 0; round < 2; ++round) {
    expect_sees(0, all);
    expect_sees(kAlice, alices);
    expect_sees(kBob, bobs);
  }
  expect_sees(61003, {});
}

TEST_P(PrivateNames, AnOpenDirectoryShowsTheReaderHisOwn) {
  const Fd root(open(mount_.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  check_in_child(as_user(kBob), [&] {
    DIR* const stream = fdopendir(dup(root.get()));
    ASSERT_NE(stream, nullptr);
    Strings names;
    while (const dirent* entry = readdir(stream)) names.emplace_back(entry->d_name);
    closedir(stream);
    std::sort(names.begin(), names.end());
    EXPECT_EQ(names, (Strings{".", "..", "bobs", "bobs-file"}));
  });
}

TEST_P(PrivateNames, AnExactNameIsThereForAll) {
  check_in_child(as_user(kAlice), [&] {
    EXPECT_TRUE(exists(at("bobs")));
    EXPECT_EQ(outcome(open(at("bobs-file").c_str(), O_RDONLY | O_CLOEXEC)), "EACCES");
    EXPECT_EQ(outcome(mkdir(at("bobs").c_str(), 0700)), "EEXIST");
  });
}

TEST_P(PrivateNames, OnesOwnAreAllFoundOnceAmongThousandsOfOthers) {
  constexpr int kFiles = 3000;
  constexpr int kEach = 500;  // each run of this many has one of Alice's
  for (int i = 0; i < kFiles; ++i) {
    const std::string name = "f" + std::to_string(i);
    ASSERT_EQ(mknod(at(name).c_str(), S_IFREG | 0600, 0), 0);
    ASSERT_EQ(i % kEach == 0 ? chown(at(name).c_str(), kAlice, kAlice) : 0, 0);
  }
  expect_sees(kAlice, {"alices", "alices-file", "f0", "f1000", "f1500", "f2000", "f2500", "f500"});
  expect_sees(kBob, {"bobs", "bobs-file"});
  check_in_child(as_user(kAlice), [&] {
    // A directory position stays valid, whatever is hidden behind it.
    DIR* const stream = opendir(mount_.path().c_str());
    ASSERT_NE(stream, nullptr);
    Strings names;
    long position = 0;
    while (const dirent* entry = readdir(stream)) {
      names.emplace_back(entry->d_name);
      if (names.size() == 5) position = telldir(stream);
    }
    ASSERT_EQ(names.size(), 10U);
    seekdir(stream, position);
    Strings again;
    while (const dirent* entry = readdir(stream)) again.emplace_back(entry->d_name);
    closedir(stream);
    EXPECT_EQ(again, Strings(names.begin() + 5, names.end()));
  });
}

TEST_P(PrivateNames, CommandsTellNobodyOfOthers) {
  const std::vector<Strings> commands{{"status", mount_.path()},
                                      {"status", mount_.path(), "--json"},
                                      {"top", mount_.path(), "--once", "--seconds", "0.1"},
                                      {"quota", mount_.path()}};
  for (Strings words : commands) {
    words.insert(words.begin(), scratchfs_binary());
    const Finished finished = run(words, {.who = as_user(kAlice)});
    EXPECT_EQ(finished.code, 0) << finished.err;
    EXPECT_EQ(finished.out.find("bobs"), std::string::npos) << finished.out;
    EXPECT_EQ(finished.out.find(std::to_string(kBob)), std::string::npos) << finished.out;
  }
}

}  // namespace
}  // namespace scratchfs::harness

// Files whose claim must not end too early, however unusual the process that created them; and what
// one user can do to another's files.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>

#include "tests/mounted/harness/child.h"
#include "tests/mounted/harness/claims.h"
#include "tests/mounted/harness/command.h"
#include "tests/mounted/harness/environment.h"
#include "tests/mounted/harness/fd.h"
#include "tests/mounted/harness/keeper.h"
#include "tests/mounted/harness/look.h"
#include "tests/mounted/harness/mount.h"
#include "tests/mounted/harness/pace.h"
#include "tests/mounted/harness/parity.h"
#include "tests/mounted/harness/proc.h"

namespace scratchfs::harness {
namespace {

Fd bind_socket(const std::string& path) {
  Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
  EXPECT_EQ(bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0)
      << path << ": " << errno_name(errno);
  return socket;
}

class NotTooEarly : public testing::TestWithParam<Transport> {
 protected:
  Mount mount_{"memory=32M", GetParam()};
  std::string at(const std::string& name) const { return mount_ / name; }
};
INSTANTIATE_TEST_SUITE_P(Both, NotTooEarly,
                         testing::Values(Transport::dev_fuse, Transport::io_uring),
                         TransportName{});

// docs/semantics.md describes this for sudo: the command that it starts may get its own session.
TEST_P(NotTooEarly, WhatACommandMakesInASessionOfItsOwnGoesWithThatCommand) {
  const Finished made = shell("d=$(setsid --wait mktemp -d -p \"$PWD\") && echo \"$d\"",
                              {.who = kNewSession, .directory = mount_.path()});
  EXPECT_EQ(made.code, 0) << made.err;
  EXPECT_TRUE(eventually([&] { return names_in(mount_.path()).empty(); }, kSweepSeconds));
  // What to do instead, while the outer session lives on.
  const std::string program = std::filesystem::absolute(scratchfs_binary());
  const Finished kept =
      shell("d=$(setsid --wait sh -c 'd=$(mktemp -d -p \"$PWD\") && \"" + program +
                "\" keep \"$d\" && echo \"$d\"'); sleep 1.2; test -d \"$d\"",
            {.who = kNewSession, .directory = mount_.path()});
  EXPECT_EQ(kept.code, 0) << kept.err;
}

TEST_P(NotTooEarly, ADaemonsFilesOutliveWhoStartedIt) {
  Child starter(kNewSession, [&](Channel& channel) {
    const pid_t daemon = fork();
    if (daemon == 0) {
      setsid();
      claim(at("pidfile"));
      channel.send("made");
      pause();
      _exit(0);
    }
    claim(at("starters"));
    channel.send(std::to_string(daemon));
  });
  std::string said = starter.receive();
  if (said == "made") said = starter.receive();
  const pid_t daemon = std::stoi(said == "made" ? starter.receive() : said);
  starter.join();
  EXPECT_TRUE(gone_soon(at("starters")));
  EXPECT_FALSE(goes(at("pidfile")));
  kill(daemon, SIGKILL);
  EXPECT_TRUE(gone_soon(at("pidfile")));
}

// As PostgreSQL does with temp_tablespaces: each backend is a session.
TEST_P(NotTooEarly, BackendsThatAreSessionsShareADirectoryThatTheirMasterHolds) {
  Child master = session([&] { EXPECT_EQ(mkdir(at("space").c_str(), 0700), 0); });
  Child first = session([&] {
    EXPECT_EQ(mkdir(at("space/pgsql_tmp").c_str(), 0700), 0);
    make_file(at("space/pgsql_tmp/1.0").c_str(), "sorted");
  });
  Child second = session([&] { make_file(at("space/pgsql_tmp/2.0").c_str(), "hashed"); });
  end(first);
  EXPECT_FALSE(goes(at("space/pgsql_tmp/1.0"))) << "the directory is held";
  EXPECT_EQ(bytes_of_file(at("space/pgsql_tmp/2.0")), "hashed");
  end(second);
  end(master);
  EXPECT_TRUE(gone_soon(at("space")));
}

TEST_P(NotTooEarly, ABackendsOwnDirectoryOutlivesItsMaster) {
  Child master = session([&] { EXPECT_EQ(mkdir(at("space").c_str(), 0700), 0); });
  Child backend = session([&] {
    EXPECT_EQ(mkdir(at("space/tmp").c_str(), 0700), 0);
    make_file(at("space/tmp/f").c_str(), "x");
  });
  end(master);
  EXPECT_FALSE(goes(at("space/tmp/f")));
  end(backend);
  EXPECT_TRUE(gone_soon(at("space")));
}

TEST_P(NotTooEarly, ASocketStaysWhileAProcessHasItBound) {
  int hold[2];
  ASSERT_EQ(pipe2(hold, O_CLOEXEC), 0);
  // A server in another session that inherited the socket from the process that bound it.
  Child starter(kNewSession, [&](Channel& channel) {
    const Fd socket = bind_socket(at("socket"));
    EXPECT_EQ(mknod(at("never-bound").c_str(), S_IFSOCK | 0600, 0), 0);
    const pid_t server = fork();
    if (server == 0) {
      setsid();
      close(hold[1]);
      char byte = 0;
      while (read(hold[0], &byte, 1) > 0) {
      }
      _exit(0);
    }
    channel.send(std::to_string(server));
  });
  starter.receive();
  starter.join();
  close(hold[0]);
  EXPECT_TRUE(gone_soon(at("never-bound")));
  EXPECT_FALSE(goes(at("socket")));
  std::string words(256, '\0');
  const ssize_t size =
      getxattr(at("socket").c_str(), "system.scratchfs.lifetime", words.data(), words.size());
  EXPECT_EQ(words.substr(0, size > 0 ? static_cast<std::size_t>(size) : 0),
            "a process that has it bound");
  close(hold[1]);
  EXPECT_TRUE(eventually([&] { return !exists(at("socket")); }, 2 * kSweepSeconds));
}

TEST_P(NotTooEarly, ASocketInADirectoryHoldsItToo) {
  Child owner = session([&] { EXPECT_EQ(mkdir(at("agent").c_str(), 0700), 0); });
  Fd socket = bind_socket(at("agent/S"));
  end(owner);
  EXPECT_FALSE(goes(at("agent/S"))) << "this process has it bound";
  socket.close();
  EXPECT_EQ(unlink(at("agent/S").c_str()), 0);
  EXPECT_TRUE(gone_soon(at("agent")));
}

TEST_P(NotTooEarly, AUserCannotMakeAnothersFileVanishNorKeepIt) {
  Who alice = as_user(kAlice);
  alice.new_session = true;
  Child owner = session(
      [&] {
        claim(at("private"));
        EXPECT_EQ(mkdir(at("directory").c_str(), 0700), 0);
        make_file(at("directory/f").c_str(), "x");
      },
      alice);
  Who bob = as_user(kBob);
  bob.new_session = true;
  check_in_child(bob, [&] {
    for (const char* value : {"keep", "auto"}) {
      EXPECT_EQ(setxattr(at("private").c_str(), "system.scratchfs.lifetime", value, 4, 0), -1);
      EXPECT_EQ(errno_name(errno), "EPERM");
    }
    EXPECT_EQ(removexattr(at("private").c_str(), "system.scratchfs.lifetime"), -1);
    EXPECT_EQ(unlink(at("private").c_str()), -1);
    EXPECT_EQ(rename(at("private").c_str(), at("bobs").c_str()), -1);
    claim(at("mine"));
    EXPECT_EQ(rename(at("mine").c_str(), at("private").c_str()), -1);
    EXPECT_EQ(
        renameat2(AT_FDCWD, at("mine").c_str(), AT_FDCWD, at("private").c_str(), RENAME_EXCHANGE),
        -1);
    EXPECT_EQ(link(at("private").c_str(), at("link").c_str()), -1) << "it would be held by two";
    EXPECT_EQ(open(at("private").c_str(), O_RDONLY | O_CLOEXEC), -1);
    EXPECT_EQ(rmdir(at("directory").c_str()), -1);
    // A derived name, but from another session.
    make_file(at("private.bob").c_str(), "x");
    EXPECT_FALSE(exists(at("private.bob")));
  });
  EXPECT_TRUE(gone_soon(at("mine"))) << "Bob's attempts hold nothing once his session is over";
  EXPECT_TRUE(exists(at("private")));
  EXPECT_EQ(bytes_of_file(at("directory/f")), "x");
  end(owner);
  EXPECT_TRUE(eventually([&] { return names_in(mount_.path()).empty(); }, kSweepSeconds));
}

TEST_P(NotTooEarly, WhoOpensASharedFileHoldsItOnlyUntilItsOwnerUnlinksIt) {
  Who alice = as_user(kAlice);
  alice.new_session = true;
  Child owner(alice, [&](Channel& channel) {
    claim(at("shared"));
    EXPECT_EQ(chmod(at("shared").c_str(), 0644), 0);
    channel.send("made");
    channel.receive();
    EXPECT_EQ(unlink(at("shared").c_str()), 0);
    channel.send("unlinked");
    channel.receive();
  });
  owner.receive();
  Child bob(as_user(kBob), [&](Channel& channel) {
    const Fd file(open(at("shared").c_str(), O_RDONLY | O_CLOEXEC));
    EXPECT_TRUE(file.valid());
    channel.send("opened");
    channel.receive();
  });
  bob.receive();
  owner.send("unlink");
  owner.receive();
  EXPECT_FALSE(exists(at("shared")));
  end(bob);
  end(owner);
}

// The kernel tells the daemon no pid for a process outside its pid namespace.
TEST(NotTooEarlyAcrossNamespaces, AClaimOfAProcessThatCannotBeSeenLastsUntilTheUnmount) {
  const std::string place = make_directory("namespaced");
  Child daemon(kNewSession, [&](Channel&) {
    execlp("unshare", "unshare", "--pid", "--fork", "--kill-child", scratchfs_binary().c_str(),
           "mount", "-f", "-o", "memory=16M,io_uring=off", place.c_str(), nullptr);
    _exit(127);
  });
  const auto mounted = [&] { return !mounts_below(place).empty() && exists(place + "/."); };
  ASSERT_TRUE(eventually(mounted, 10));
  check_in_child(kNewSession, [&] { claim(place + "/claimed"); });
  EXPECT_FALSE(goes(place + "/claimed")) << "its session has ended, but the daemon cannot know";
  std::string words(256, '\0');
  const ssize_t size = getxattr((place + "/claimed").c_str(), "system.scratchfs.lifetime",
                                words.data(), words.size());
  EXPECT_EQ(words.substr(0, size > 0 ? static_cast<std::size_t>(size) : 0),
            "a process whose end cannot be seen");
  EXPECT_EQ(umount2(place.c_str(), 0), 0) << errno_name(errno);
  EXPECT_EQ(daemon.join(), 0);
}

}  // namespace
}  // namespace scratchfs::harness

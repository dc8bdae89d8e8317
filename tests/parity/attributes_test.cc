// stat, chmod, chown, utimens, and what clears suid and sgid.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>

#include "tests/mounted/harness/fd.h"
#include "tests/mounted/harness/pace.h"
#include "tests/mounted/harness/parity.h"

namespace scratchfs::harness {
namespace {

constexpr timespec kNow{.tv_sec = 0, .tv_nsec = UTIME_NOW};
constexpr timespec kOmit{.tv_sec = 0, .tv_nsec = UTIME_OMIT};

PARITY(ParityAttributes, ShowANewFile) {
  at.stat("root", at.root());
  make_file(at / "f", "");
  at.stat("empty", at / "f");
  at.blocks("empty", at / "f");
  make_file(at / "pages", std::string(3 * 4096, 'x'));
  at.stat("three pages", at / "pages");
  at.blocks("three pages", at / "pages");
  make_file(at / "odd", "hello");
  at.stat("five bytes", at / "odd");
  struct stat info {};
  at.call("stat", stat(at / "odd", &info));
  at.note("any block", info.st_blocks > 0);
  at.note("blksize at least a page", info.st_blksize >= 4096);
  at.stat("missing", at / "missing");
  at.stat("through a file", at / "f" / "x");
}

// Both are stamped by a clock that hardly moves meanwhile.
PARITY(ParityAttributes, TheFirstReadMovesTheAccessTimeOfAFileMadeAndWrittenAtOnce) {
  struct stat made {};
  do {
    unlink(at / "f");
    make_file(at / "f", "content");
    ASSERT_EQ(stat(at / "f", &made), 0);
  } while (made.st_atim.tv_nsec != made.st_mtim.tv_nsec);
  let_the_clock_tick();
  char byte = 0;
  const Fd file(open(at / "f", O_RDONLY));
  for (const char* read : {"first", "second"}) {
    struct stat before {};
    struct stat after {};
    at.call("stat", fstat(file.get(), &before));
    at.call("read", pread(file.get(), &byte, 1, 0));
    at.call("stat", fstat(file.get(), &after));
    at.note(std::string(read) + " moves it", before.st_atim.tv_nsec != after.st_atim.tv_nsec);
    let_the_clock_tick();
  }
}

PARITY(ParityAttributes, ShowEveryMode) {
  for (const mode_t mode : {0U, 0400U, 0644U, 0777U, 04755U, 02755U, 01777U, 07777U}) {
    const std::string name = "f" + std::to_string(mode);
    at.descriptor("create", Fd(open(at / name, O_CREAT | O_WRONLY | O_EXCL, mode)).get());
    at.stat("created " + name, at / name);
    at.call("chmod", chmod(at / name, mode));
    at.stat("changed " + name, at / name);
    at.call("mkdir", mkdir(at / ("d" + name), mode));
    at.stat("made d" + name, at / ("d" + name));
    at.call("chmod", chmod(at / ("d" + name), mode));
    at.stat("changed d" + name, at / ("d" + name));
  }
}

PARITY(ParityAttributes, ApplyTheUmask) {
  for (const mode_t mask : {0U, 022U, 027U, 077U, 0777U}) {
    umask(mask);
    const std::string name = std::to_string(mask);
    at.descriptor("create", Fd(open(at / ("f" + name), O_CREAT | O_WRONLY, 0666)).get());
    at.call("mkdir", mkdir(at / ("d" + name), 0777));
    at.call("mkfifo", mkfifo(at / ("p" + name), 0666));
    at.stat("f" + name, at / ("f" + name));
    at.stat("d" + name, at / ("d" + name));
    at.stat("p" + name, at / ("p" + name));
  }
}

PARITY(ParityAttributes, BirthTimeIsKeptAndTold) {
  make_file(at / "f", "x");
  struct statx info {};
  at.call("statx", statx(AT_FDCWD, at / "f", 0, STATX_BASIC_STATS | STATX_BTIME, &info));
  at.note("has a birth time", (info.stx_mask & STATX_BTIME) != 0);
  at.note("birth is no later than ctime", info.stx_btime.tv_sec <= info.stx_ctime.tv_sec);
  at.note("birth is not 1970", info.stx_btime.tv_sec > 1'000'000'000);
  at.moved("chmod", at / "f", [&] { chmod(at / "f", 0600); });
  at.moved("rename", at / "f", [&] {
    rename(at / "f", at / "g");
    rename(at / "g", at / "f");
  });
  at.moved("utimens", at / "f", [&] {
    const timespec times[2] = {{.tv_sec = 5, .tv_nsec = 0}, {.tv_sec = 6, .tv_nsec = 0}};
    utimensat(AT_FDCWD, at / "f", times, 0);
  });
}

PARITY(ParityAttributes, TimesMoveAsPosixSays) {
  mkdir(at / "d", 0755);
  make_file(at / "f", "0123456789");
  at.moved("create in d", at / "d", [&] { make_file(at / "d/new", ""); });
  at.moved("unlink in d", at / "d", [&] { unlink(at / "d/new"); });
  at.moved("mkdir in d", at / "d", [&] { mkdir(at / "d/sub", 0755); });
  at.moved("rmdir in d", at / "d", [&] { rmdir(at / "d/sub"); });
  at.moved("symlink in d", at / "d", [&] { at.call("symlink", symlink("x", at / "d/link")); });
  at.moved("chmod", at / "f", [&] { chmod(at / "f", 0600); });
  at.moved("chmod to the same", at / "f", [&] { chmod(at / "f", 0600); });
  at.moved("chown", at / "f", [&] { at.call("chown", chown(at / "f", 1, 1)); });
  at.moved("chown to nobody at all", at / "f",
           [&] { at.call("chown", chown(at / "f", uid_t(-1), gid_t(-1))); });
  at.moved("write", at / "f",
           [&] { at.call("write", write(Fd(open(at / "f", O_WRONLY)).get(), "x", 1)); });
  at.moved("write of nothing", at / "f",
           [&] { at.call("write", write(Fd(open(at / "f", O_WRONLY)).get(), "", 0)); });
  at.moved("truncate to the same size", at / "f",
           [&] { at.call("truncate", truncate(at / "f", 10)); });
  at.moved("truncate", at / "f", [&] { at.call("truncate", truncate(at / "f", 3)); });
  at.moved("ftruncate to the same size", at / "f",
           [&] { at.call("ftruncate", ftruncate(Fd(open(at / "f", O_WRONLY)).get(), 3)); });
  at.moved("O_TRUNC", at / "f", [&] { Fd(open(at / "f", O_WRONLY | O_TRUNC)); });
  at.moved("O_TRUNC of an empty file", at / "f", [&] { Fd(open(at / "f", O_WRONLY | O_TRUNC)); });
  at.moved("open for reading", at / "f", [&] { Fd(open(at / "f", O_RDONLY)); });
  at.moved("link: the file", at / "f", [&] { at.call("link", link(at / "f", at / "d/hard")); });
  at.moved("unlink: the file", at / "f", [&] { unlink(at / "d/hard"); });
  at.moved("link: the directory", at / "d",
           [&] { at.call("link", link(at / "f", at / "d/hard")); });
  at.moved("rename within: the directory", at / "d",
           [&] { rename(at / "d/hard", at / "d/harder"); });
  at.moved("rename out: the directory", at / "d", [&] { rename(at / "d/harder", at / "out"); });
  at.moved("rename: the file", at / "f", [&] { rename(at / "out", at / "out2"); });
}

PARITY(ParityAttributes, DirectoriesThatARenameLeavesAndEntersAreTouched) {
  mkdir(at / "a", 0755);
  mkdir(at / "b", 0755);
  make_file(at / "a/f", "");
  mkdir(at / "a/d", 0755);
  at.moved("source of a file", at / "a", [&] { rename(at / "a/f", at / "b/f"); });
  at.moved("target of a file", at / "a", [&] { rename(at / "b/f", at / "a/f"); });
  at.moved("source of a directory", at / "a", [&] { rename(at / "a/d", at / "b/d"); });
  at.moved("target of a directory", at / "a", [&] { rename(at / "b/d", at / "a/d"); });
  at.moved("the directory itself", at / "a/d", [&] {
    rename(at / "a/d", at / "b/d");
    rename(at / "b/d", at / "a/d");
  });
  make_file(at / "b/f", "");
  at.moved("target of a replacement", at / "b", [&] { rename(at / "a/f", at / "b/f"); });
}

PARITY(ParityAttributes, UtimensSetsWhatItIsTold) {
  make_file(at / "f", "x");
  const auto tell = [&](std::string_view what) {
    struct stat info {};
    stat(at / "f", &info);
    at.note(what, std::to_string(info.st_atim.tv_sec) + "." + std::to_string(info.st_atim.tv_nsec) +
                      " " + std::to_string(info.st_mtim.tv_sec) + "." +
                      std::to_string(info.st_mtim.tv_nsec));
  };
  const auto set = [&](std::string_view what, timespec access, timespec change) {
    const timespec times[2] = {access, change};
    at.call(what, utimensat(AT_FDCWD, at / "f", times, 0));
  };
  set("both", {.tv_sec = 123456789, .tv_nsec = 987654321}, {.tv_sec = 1, .tv_nsec = 1});
  tell("nanoseconds");
  set("access alone", {.tv_sec = 77, .tv_nsec = 7}, kOmit);
  tell("access alone");
  set("change alone", kOmit, {.tv_sec = 88, .tv_nsec = 8});
  tell("change alone");
  set("neither", kOmit, kOmit);
  tell("neither");
  set("before 1970", {.tv_sec = -5, .tv_nsec = 5}, {.tv_sec = -1, .tv_nsec = 999999999});
  tell("before 1970");
  set("after 2038", {.tv_sec = 1LL << 33, .tv_nsec = 0}, {.tv_sec = 1LL << 33, .tv_nsec = 1});
  tell("after 2038");
  set("nanoseconds that are none", {.tv_sec = 0, .tv_nsec = 1'000'000'000}, kNow);
  at.moved("now", at / "f", [&] { set("now", kNow, kNow); });
  at.moved("omit both", at / "f", [&] { set("omit", kOmit, kOmit); });
  at.moved("set access", at / "f", [&] { set("access", {.tv_sec = 1, .tv_nsec = 0}, kOmit); });
}

PARITY(ParityAttributes, UtimensAsksWhoMay) {
  make_file(at / "mine", "x", 0600);
  make_file(at / "open", "x", 0666);
  chmod(at / "open", 0666);
  at.as(as_user(kAlice), [&] {
    const timespec now[2] = {kNow, kNow};
    const timespec old[2] = {{.tv_sec = 1, .tv_nsec = 0}, {.tv_sec = 1, .tv_nsec = 0}};
    const timespec mixed[2] = {kNow, kOmit};
    at.call("now, of a private file", utimensat(AT_FDCWD, at / "mine", now, 0));
    at.call("now, of a writable file", utimensat(AT_FDCWD, at / "open", now, 0));
    at.call("null, of a writable file", utimensat(AT_FDCWD, at / "open", nullptr, 0));
    at.call("then, of a writable file", utimensat(AT_FDCWD, at / "open", old, 0));
    at.call("mixed, of a writable file", utimensat(AT_FDCWD, at / "open", mixed, 0));
  });
}

PARITY(ParityAttributes, UtimensOfASymlinkItself) {
  symlink("nowhere", at / "link");
  const timespec times[2] = {{.tv_sec = 11, .tv_nsec = 22}, {.tv_sec = 33, .tv_nsec = 44}};
  at.call("utimens", utimensat(AT_FDCWD, at / "link", times, AT_SYMLINK_NOFOLLOW));
  struct stat info {};
  at.call("lstat", lstat(at / "link", &info));
  at.note("mtime", info.st_mtim.tv_sec);
  at.note("nanoseconds", info.st_mtim.tv_nsec);
  at.call("follows to nowhere", utimensat(AT_FDCWD, at / "link", times, 0));
}

PARITY(ParityAttributes, ChmodAsksWhoMay) {
  make_file(at / "roots", "x", 0644);
  at.as(as_user(kAlice, {kTeam}), [&] {
    at.call("chmod of another's file", chmod(at / "roots", 0777));
    make_file(at / "own", "x");
    at.call("chmod of an own file", chmod(at / "own", 04711));
    at.stat("own", at / "own");
    at.call("sgid in an own group", chmod(at / "own", 02755));
    at.stat("own", at / "own");
  });
  at.call("to a group that alice is not in", chown(at / "own", kAlice, kBob));
  at.as(as_user(kAlice, {kTeam}), [&] {
    at.call("sgid in a foreign group", chmod(at / "own", 02755));
    at.stat("own", at / "own");
    at.call("sticky on a file", chmod(at / "own", 01755));
    at.stat("own", at / "own");
  });
  at.call("fchmodat of a missing file", fchmodat(AT_FDCWD, at / "missing", 0600, 0));
}

PARITY(ParityAttributes, ChownAsksWhoMay) {
  make_file(at / "f", "x");
  at.call("root gives it away", chown(at / "f", kAlice, kAlice));
  at.as(as_user(kAlice, {kTeam}), [&] {
    at.call("alice gives it away", chown(at / "f", kBob, gid_t(-1)));
    at.call("alice keeps it", chown(at / "f", kAlice, gid_t(-1)));
    at.call("to a group of hers", chown(at / "f", uid_t(-1), kTeam));
    at.call("to a group not hers", chown(at / "f", uid_t(-1), kBob));
    at.stat("f", at / "f");
  });
  at.as(as_user(kBob), [&] { at.call("bob takes it", chown(at / "f", kBob, gid_t(-1))); });
  symlink("f", at / "link");
  at.call("lchown", lchown(at / "link", kBob, kBob));
  at.stat("link", at / "link");
  at.stat("f is what it was", at / "f");
}

PARITY(ParityAttributes, ChownClearsSuidAndSgid) {
  for (const mode_t mode : {06777U, 06755U, 04644U, 02755U, 04711U}) {
    const std::string name = std::to_string(mode);
    make_file(at / name, "x");
    chown(at / name, kAlice, kAlice);
    chmod(at / name, mode);
    at.as(as_user(kAlice, {kTeam}),
          [&] { at.call("chown to a group", chown(at / name, uid_t(-1), kTeam)); });
    at.stat("by its owner " + name, at / name);
    chmod(at / name, mode);
    at.call("chown", chown(at / name, kBob, kBob));
    at.stat("by root " + name, at / name);
    chmod(at / name, mode);
    at.call("chown", chown(at / name, uid_t(-1), gid_t(-1)));
    at.stat("by root, to nobody " + name, at / name);
    mkdir(at / ("d" + name), 0755);
    chmod(at / ("d" + name), mode);
    at.call("chown", chown(at / ("d" + name), kBob, kBob));
    at.stat("a directory " + name, at / ("d" + name));
  }
}

// Not sgid without the group's x: FUSE asks the daemon to leave that (linux/fuse.h,
// FUSE_HANDLE_KILLPRIV_V2).
PARITY(ParityAttributes, WritingClearsSuidAndSgid) {
  make_file(at / "source", "content", 0644);
  for (const mode_t mode : {06777U, 02777U, 04777U, 04766U}) {
    const std::string name = std::to_string(mode);
    make_file(at / name, "content");
    const auto try_as_alice = [&](std::string_view what, const std::function<void()>& action) {
      chmod(at / name, mode);
      at.as(as_user(kAlice), action);
      at.stat(std::string(what) + " " + name, at / name);
    };
    try_as_alice("write",
                 [&] { at.call("write", write(Fd(open(at / name, O_WRONLY)).get(), "x", 1)); });
    try_as_alice("O_DIRECT write", [&] {
      alignas(4096) static char page[4096];
      at.call("write",
              write(Fd(open(at / name, O_WRONLY | at.direct())).get(), page, sizeof(page)));
    });
    try_as_alice("truncate", [&] { at.call("truncate", truncate(at / name, 3)); });
    try_as_alice("O_TRUNC",
                 [&] { at.descriptor("open", Fd(open(at / name, O_WRONLY | O_TRUNC)).get()); });
    try_as_alice("fallocate", [&] {
      at.call("fallocate", fallocate(Fd(open(at / name, O_WRONLY)).get(), 0, 0, 8192));
    });
    try_as_alice("copy_file_range", [&] {
      at.call("copy", copy_file_range(Fd(open(at / "source", O_RDONLY)).get(), nullptr,
                                      Fd(open(at / name, O_WRONLY)).get(), nullptr, 4, 0));
    });
    try_as_alice("a mere open", [&] { at.descriptor("open", Fd(open(at / name, O_RDWR)).get()); });
    chmod(at / name, mode);
    at.call("root's write", write(Fd(open(at / name, O_WRONLY)).get(), "x", 1));
    at.stat("by root " + name, at / name);
    chmod(at / name, mode);
    at.call("root's copy", copy_file_range(Fd(open(at / "source", O_RDONLY)).get(), nullptr,
                                           Fd(open(at / name, O_WRONLY)).get(), nullptr, 4, 0));
    at.stat("copied by root " + name, at / name);
  }
}

PARITY(ParityAttributes, ASetgidDirectoryGivesItsGroup) {
  mkdir(at / "d", 0777);
  chown(at / "d", 0, kTeam);
  chmod(at / "d", 02777);
  at.as(as_user(kAlice), [&] {
    make_file(at / "d/f", "x");
    at.stat("a file in it", at / "d/f");
    mkdir(at / "d/sub", 0755);
    at.stat("a directory in it", at / "d/sub");
    mkfifo(at / "d/pipe", 0644);
    at.stat("a fifo in it", at / "d/pipe");
    symlink("x", at / "d/link");
    at.stat("a symlink in it", at / "d/link");
    at.descriptor("sgid file", Fd(open(at / "d/sgid", O_CREAT | O_WRONLY, 02755)).get());
    at.stat("a file that asks for sgid", at / "d/sgid");
    at.descriptor("sgid file without x", Fd(open(at / "d/sgid2", O_CREAT | O_WRONLY, 02644)).get());
    at.stat("a file that asks for sgid without x", at / "d/sgid2");
  });
  at.as(as_user(kBob, {kTeam}), [&] {
    at.descriptor("sgid file", Fd(open(at / "d/member", O_CREAT | O_WRONLY, 02755)).get());
    at.stat("by a member of the group", at / "d/member");
  });
}

PARITY(ParityAttributes, PermissionsAreChecked) {
  mkdir(at / "closed", 0700);
  make_file(at / "closed/f", "x");
  make_file(at / "secret", "x", 0600);
  make_file(at / "readable", "x", 0644);
  make_file(at / "team", "x", 0640);
  chown(at / "team", 0, kTeam);
  mkdir(at / "listed", 0754);
  make_file(at / "listed/f", "x");
  at.as(as_user(kAlice, {kTeam}), [&] {
    at.descriptor("open below a closed directory", Fd(open(at / "closed/f", O_RDONLY)).get());
    at.stat("stat below a closed directory", at / "closed/f");
    at.list("list a closed directory", at / "closed");
    at.descriptor("read a secret", Fd(open(at / "secret", O_RDONLY)).get());
    at.descriptor("read what may be read", Fd(open(at / "readable", O_RDONLY)).get());
    at.descriptor("write what may be read", Fd(open(at / "readable", O_WRONLY)).get());
    at.descriptor("read as a member", Fd(open(at / "team", O_RDONLY)).get());
    at.descriptor("write as a member", Fd(open(at / "team", O_RDWR)).get());
    at.list("list without x", at / "listed");
    at.stat("stat without x", at / "listed/f");
    at.call("access", access(at / "readable", R_OK));
    at.call("access W", access(at / "readable", W_OK));
    at.call("access X", access(at / "readable", X_OK));
    at.call("mkdir in another's", mkdir(at / "listed/sub", 0755));
    at.call("truncate", truncate(at / "readable", 0));
    at.call("unlink in another's", unlink(at / "listed/f"));
    at.call("rename in another's", rename(at / "listed/f", at / "listed/g"));
  });
}

PARITY(ParityAttributes, AStickyDirectoryProtectsItsEntries) {
  mkdir(at / "tmp", 0777);
  chmod(at / "tmp", 01777);
  at.as(as_user(kAlice), [&] {
    make_file(at / "tmp/alices", "x", 0666);
    mkdir(at / "tmp/alicesdir", 0777);
    symlink("alices", at / "tmp/aliceslink");
    make_file(at / "in-root", "x", 0666);
  });
  at.as(as_user(kBob), [&] {
    make_file(at / "tmp/bobs", "x");
    at.call("bob unlinks", unlink(at / "tmp/alices"));
    at.call("bob rmdirs", rmdir(at / "tmp/alicesdir"));
    at.call("bob renames", rename(at / "tmp/alices", at / "tmp/mine"));
    at.call("bob renames over", rename(at / "tmp/bobs", at / "tmp/alices"));
    at.call("bob exchanges",
            renameat2(AT_FDCWD, at / "tmp/bobs", AT_FDCWD, at / "tmp/alices", RENAME_EXCHANGE));
    at.call("bob unlinks a link", unlink(at / "tmp/aliceslink"));
    at.call("bob unlinks in the root", unlink(at / "in-root"));
    at.call("bob removes his own", unlink(at / "tmp/bobs"));
  });
  at.as(as_user(kAlice), [&] { at.call("alice removes her own", unlink(at / "tmp/alices")); });
  at.call("root removes alice's", rmdir(at / "tmp/alicesdir"));
}

PARITY(ParityAttributes, SetattrThroughADescriptorOfAnUnlinkedFile) {
  const Fd file(open(at / "f", O_CREAT | O_RDWR, 0644));
  unlink(at / "f");
  at.fstat("unlinked", file.get());
  at.call("fchmod", fchmod(file.get(), 0640));
  at.call("fchown", fchown(file.get(), kAlice, kBob));
  at.call("ftruncate", ftruncate(file.get(), 12345));
  const timespec times[2] = {{.tv_sec = 3, .tv_nsec = 4}, {.tv_sec = 5, .tv_nsec = 6}};
  at.call("futimens", futimens(file.get(), times));
  at.fstat("changed", file.get());
  struct stat info {};
  fstat(file.get(), &info);
  at.note("mtime", info.st_mtim.tv_sec);
}

}  // namespace
}  // namespace scratchfs::harness

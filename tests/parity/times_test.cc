// Timestamps: which calls move them, and utimensat(2).
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>
#include <string_view>

#include "tests/mounted/harness/fd.h"
#include "tests/mounted/harness/pace.h"
#include "tests/mounted/harness/parity.h"

namespace scratchfs::harness {
namespace {

constexpr timespec kNow{.tv_sec = 0, .tv_nsec = UTIME_NOW};
constexpr timespec kOmit{.tv_sec = 0, .tv_nsec = UTIME_OMIT};

// Both timestamps come from a coarse clock that hardly advances in between.
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

}  // namespace
}  // namespace scratchfs::harness

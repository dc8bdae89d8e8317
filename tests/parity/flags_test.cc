// What a remount changes: access times, read-only, and the other flags implemented by the kernel.
#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <functional>
#include <string>

#include "tests/mounted/harness/command.h"
#include "tests/mounted/harness/environment.h"
#include "tests/mounted/harness/fd.h"
#include "tests/mounted/harness/keeper.h"
#include "tests/mounted/harness/pace.h"
#include "tests/mounted/harness/parity.h"

namespace scratchfs::harness {
namespace {

// Remounts as `mount -o remount,OPTIONS` does; for scratchfs through its helper, which mount(8)
// looks for in /sbin.
void remount(Place& at, const std::string& options) {
  struct statfs info {};
  statfs(at.root(), &info);
  Finished finished;
  if (info.f_type == TMPFS_MAGIC) {
    finished = run({"mount", "-o", "remount," + options, at.root().text()});
  } else {
    const std::string helper = make_directory("helper") + "/mount.fuse.scratchfs";
    std::filesystem::create_symlink(scratchfs_binary(), helper);
    finished = run({helper, "scratchfs", at.root().text(), "-o", "remount," + options});
    EXPECT_LE(std::count(finished.err.begin(), finished.err.end(), '\n'), 1) << finished.err;
  }
  at.note(options + ": remounted", finished.code == 0);
  struct statvfs flags {};
  statvfs(at.root(), &flags);
  at.note(options + ": flags", flags.f_flag | ST_NOSUID | ST_NODEV);
}

timespec accessed(const char* path) {
  struct stat info {};
  lstat(path, &info);
  return info.st_atim;
}

void note_access(Place& at, const std::string& what, const char* path,
                 const std::function<void()>& action) {
  const timespec before = accessed(path);
  let_the_clock_tick();
  action();
  const timespec after = accessed(path);
  at.note(what, before.tv_sec != after.tv_sec || before.tv_nsec != after.tv_nsec);
}

// Reads through a descriptor opened for writing, so that the page cache does not answer.
void read_a_byte(const char* path, int flags = O_RDWR) {
  char byte = 0;
  EXPECT_EQ(pread(Fd(open(path, flags)).get(), &byte, 1, 0), 1) << errno_name(errno);
}

void list(const char* path) {
  DIR* const stream = opendir(path);
  while (readdir(stream) != nullptr) {
  }
  closedir(stream);
}

void read_the_link(const char* path) {
  char target[16];
  EXPECT_GT(readlink(path, target, sizeof(target)), 0);
}

void try_access_times(Place& at, const std::string& when) {
  const std::string file = "f " + when;
  const std::string directory = "d " + when;
  const std::string link = "l " + when;
  make_file(at / file, "content");
  mkdir(at / directory, 0755);
  EXPECT_EQ(symlink("nowhere", at / link), 0);
  note_access(at, file + ", first", at / file, [&] { read_a_byte(at / file); });
  note_access(at, file + ", again", at / file, [&] { read_a_byte(at / file); });
  note_access(at, file + ", O_NOATIME", at / file,
              [&] { read_a_byte(at / file, O_RDWR | O_NOATIME); });
  note_access(at, file + ", written", at / file,
              [&] { at.call("write", pwrite(Fd(open(at / file, O_WRONLY)).get(), "x", 1, 0)); });
  note_access(at, file + ", after a write", at / file, [&] { read_a_byte(at / file); });
  note_access(at, file + ", a mere open", at / file, [&] { Fd(open(at / file, O_RDONLY)); });
  note_access(at, directory + ", first", at / directory, [&] { list(at / directory); });
  note_access(at, directory + ", again", at / directory, [&] { list(at / directory); });
  note_access(at, directory + ", looked up in", at / directory,
              [&] { accessed(at / (directory + "/none")); });
  note_access(at, link, at / link, [&] { read_the_link(at / link); });
}

PARITY(ParityFlags, AccessTimesAreKeptAsARemountSays) {
  try_access_times(at, "by default");
  for (const char* options : {"noatime", "relatime", "strictatime", "nodiratime", "diratime",
                              "noatime,nodiratime", "atime", "relatime,diratime"}) {
    remount(at, options);
    try_access_times(at, options);
  }
}

PARITY(ParityFlags, AReadOnlyMountIsReadOnlyAndCanBeWritableAgain) {
  make_file(at / "f", "content");
  mkdir(at / "d", 0755);
  {
    const Fd writer(open(at / "f", O_WRONLY));
    remount(at, "ro");
    at.call("write through what was open", write(writer.get(), "x", 1));
  }
  remount(at, "ro");
  at.descriptor("create", open(at / "new", O_CREAT | O_WRONLY, 0600));
  at.descriptor("open for writing", open(at / "f", O_WRONLY));
  at.call("unlink", unlink(at / "f"));
  at.call("mkdir", mkdir(at / "d2", 0755));
  at.call("rename", rename(at / "f", at / "g"));
  at.call("chmod", chmod(at / "f", 0600));
  at.call("truncate", truncate(at / "f", 0));
  at.call("access", access(at / "f", W_OK));
  note_access(at, "f read", at / "f", [&] { read_a_byte(at / "f", O_RDONLY); });
  note_access(at, "d listed", at / "d", [&] { list(at / "d"); });
  at.content("f", at / "f");
  remount(at, "noatime");
  remount(at, "rw");
  at.descriptor("create", Fd(open(at / "new", O_CREAT | O_WRONLY, 0600)).get());
  remount(at, "ro,strictatime");
  note_access(at, "f read while read-only", at / "f", [&] { read_a_byte(at / "f", O_RDONLY); });
  remount(at, "rw");
  note_access(at, "f read", at / "f", [&] { read_a_byte(at / "f"); });
  note_access(at, "f read again", at / "f", [&] { read_a_byte(at / "f"); });
}

PARITY(ParityFlags, OtherFlagsOfTheKernelWorkOrAreRefused) {
  std::filesystem::copy_file("/bin/true", (at / "true").text());
  symlink("true", at / "link");
  const auto try_all = [&](const std::string& when) {
    at.note(when + ": run", run({(at / "true").text()}).code);
    at.call(when + ": through a link", Fd(open(at / "link", O_RDONLY)).valid() ? 0 : -1);
    const Fd file(open(at / "f", O_CREAT | O_RDWR, 0600));
    at.call(when + ": write", pwrite(file.get(), "x", 1, 0));
    at.call(when + ": fsync", fsync(file.get()));
    at.call(when + ": mkdir", mkdir(at / ("d" + when), 0700));
  };
  for (const char* options :
       {"noexec", "exec", "sync", "async", "nosymfollow", "symfollow", "lazytime", "nolazytime",
        "silent", "loud", "noexec,sync", "exec,async"}) {
    remount(at, options);
    try_all(options);
  }
  remount(at, "no_such_option");
}

}  // namespace
}  // namespace scratchfs::harness

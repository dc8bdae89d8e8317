// rename(2) and renameat2(2): every file type over every other.
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "tests/mounted/harness/fd.h"
#include "tests/mounted/harness/parity.h"

namespace scratchfs::harness {
namespace {

void make_kind(Place& at, const std::string& kind, const std::string& name) {
  if (kind == "file") {
    make_file(at / name, name);
  } else if (kind == "directory") {
    mkdir(at / name, 0755);
  } else if (kind == "full") {
    mkdir(at / name, 0755);
    make_file(at / (name + "/x"), name);
  } else if (kind == "symlink") {
    symlink("anywhere", at / name);
  } else if (kind == "fifo") {
    mkfifo(at / name, 0644);
  }
}

void rename_every_kind_over_every_kind(Place& at, unsigned flags) {
  int number = 0;
  for (const char* source : {"file", "directory", "full", "symlink", "fifo", "missing"}) {
    for (const char* target : {"file", "directory", "full", "symlink", "fifo", "missing"}) {
      const std::string place = "case" + std::to_string(number++);
      mkdir(at / place, 0755);
      make_kind(at, source, place + "/source");
      make_kind(at, target, place + "/target");
      at.call(
          std::string(source) + " over " + target,
          renameat2(AT_FDCWD, at / (place + "/source"), AT_FDCWD, at / (place + "/target"), flags));
      at.list("afterwards", at / place);
      at.list("in the target", at / (place + "/target"));
      at.stat("the directory", at / place);
    }
  }
}

PARITY(ParityRename, EveryKindOverEveryKind) { rename_every_kind_over_every_kind(at, 0); }
PARITY(ParityRename, EveryKindOverEveryKindNoReplace) {
  rename_every_kind_over_every_kind(at, RENAME_NOREPLACE);
}
PARITY(ParityRename, EveryKindWithEveryKindExchanged) {
  rename_every_kind_over_every_kind(at, RENAME_EXCHANGE);
}

PARITY(ParityRename, RefusesOtherFlags) {
  make_file(at / "a", "a");
  make_file(at / "b", "b");
  at.call("both",
          renameat2(AT_FDCWD, at / "a", AT_FDCWD, at / "b", RENAME_NOREPLACE | RENAME_EXCHANGE));
  at.call("unknown", renameat2(AT_FDCWD, at / "a", AT_FDCWD, at / "b", 1U << 10));
  at.content("a", at / "a");
}

PARITY(ParityRename, ADirectoryNeverGoesIntoItself) {
  mkdir(at / "d", 0755);
  mkdir(at / "d/sub", 0755);
  mkdir(at / "d/sub/deep", 0755);
  at.call("into itself", rename(at / "d", at / "d/x"));
  at.call("into its child", rename(at / "d", at / "d/sub/x"));
  at.call("over its grandchild", rename(at / "d", at / "d/sub/deep"));
  at.call("a child over its parent", rename(at / "d/sub", at / "d"));
  at.call("a grandchild over its grandparent", rename(at / "d/sub/deep", at / "d"));
  at.call("exchange with a child",
          renameat2(AT_FDCWD, at / "d", AT_FDCWD, at / "d/sub", RENAME_EXCHANGE));
  at.call("exchange a grandchild",
          renameat2(AT_FDCWD, at / "d/sub/deep", AT_FDCWD, at / "d", RENAME_EXCHANGE));
  at.call("onto itself", rename(at / "d", at / "d"));
  at.call(".", rename(at / "d/.", at / "x"));
  at.call("..", rename(at / "d/sub/..", at / "x"));
  at.call("the mount's root", rename(at.root(), at / "x"));
}

PARITY(ParityRename, LinksOfDirectoriesFollow) {
  mkdir(at / "a", 0755);
  mkdir(at / "b", 0755);
  mkdir(at / "a/d", 0755);
  make_file(at / "b/f", "");
  const auto tell = [&](std::string_view what) {
    at.note("after", what);
    at.stat("root", at.root());
    at.stat("a", at / "a");
    at.stat("b", at / "b");
  };
  rename(at / "a/d", at / "b/d");
  tell("moving a directory");
  mkdir(at / "a/e", 0755);
  at.call("over an empty one", rename(at / "a/e", at / "b/d"));
  tell("replacing a directory");
  at.call("exchange", renameat2(AT_FDCWD, at / "b/d", AT_FDCWD, at / "b/f", RENAME_EXCHANGE));
  tell("exchanging within");
  make_file(at / "a/g", "");
  at.call("exchange", renameat2(AT_FDCWD, at / "b/f", AT_FDCWD, at / "a/g", RENAME_EXCHANGE));
  tell("exchanging across");
  at.list("a", at / "a");
  at.list("b", at / "b");
}

PARITY(ParityRename, TwoNamesOfOneFileStay) {
  make_file(at / "f", "hello");
  link(at / "f", at / "g");
  at.call("rename", rename(at / "f", at / "g"));
  at.list("both stay", at.root());
  at.stat("f", at / "f");
  at.call("onto itself", rename(at / "f", at / "f"));
  at.call("exchange", renameat2(AT_FDCWD, at / "f", AT_FDCWD, at / "g", RENAME_EXCHANGE));
  at.stat("f", at / "f");
}

PARITY(ParityRename, AReplacedFileLivesWhileItIsOpen) {
  make_file(at / "new", "new");
  make_file(at / "old", "old content");
  const Fd old(open(at / "old", O_RDONLY));
  at.call("rename", rename(at / "new", at / "old"));
  at.fstat("the replaced one", old.get());
  char text[16] = {};
  at.call("read it", read(old.get(), text, sizeof(text)));
  at.bytes("its content", std::string_view(text, 11));
  at.content("the name", at / "old");
}

PARITY(ParityRename, AReplacedDirectoryLivesWhileItIsOpen) {
  mkdir(at / "new", 0755);
  make_file(at / "new/x", "");
  mkdir(at / "old", 0755);
  const Fd old(open(at / "old", O_RDONLY | O_DIRECTORY));
  at.call("rename", rename(at / "new", at / "old"));
  at.fstat("the replaced one", old.get());
  at.descriptor("create in it", openat(old.get(), "y", O_CREAT | O_RDWR, 0644));
  at.list("the name", at / "old");
}

PARITY(ParityRename, AsksWhoMay) {
  mkdir(at / "closed", 0755);
  make_file(at / "closed/f", "");
  mkdir(at / "open", 0777);
  chmod(at / "open", 0777);
  mkdir(at / "open/roots", 0755);
  make_file(at / "open/f", "");
  at.as(as_user(kAlice), [&] {
    at.call("out of a closed directory", rename(at / "closed/f", at / "open/x"));
    at.call("into a closed directory", rename(at / "open/f", at / "closed/x"));
    at.call("another's file in an open directory", rename(at / "open/f", at / "open/g"));
    at.call("another's directory, same parent", rename(at / "open/roots", at / "open/roots2"));
    mkdir(at / "open/own", 0755);
    at.call("another's directory, new parent", rename(at / "open/roots2", at / "open/own/roots"));
  });
}

PARITY(ParityRename, OpenFilesFollowTheirNames) {
  const Fd file(open(at / "f", O_CREAT | O_RDWR, 0644));
  mkdir(at / "d", 0755);
  at.call("write", write(file.get(), "one", 3));
  at.call("rename", rename(at / "f", at / "d/g"));
  at.call("write", write(file.get(), "two", 3));
  at.content("moved", at / "d/g");
  at.call("exchange with its directory's neighbour", [&] {
    make_file(at / "h", "h");
    return renameat2(AT_FDCWD, at / "d/g", AT_FDCWD, at / "h", RENAME_EXCHANGE);
  }());
  at.call("write", write(file.get(), "three", 5));
  at.content("exchanged", at / "h");
}

}  // namespace
}  // namespace scratchfs::harness

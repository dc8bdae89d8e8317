// Who may do what: chmod, chown, set-id bits, sticky directories.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <functional>
#include <string>
#include <string_view>

#include "tests/mounted/harness/fd.h"
#include "tests/mounted/harness/parity.h"

namespace scratchfs::harness {
namespace {

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

// Without group execute permission sgid is left alone: FUSE requires that of the daemon
// (linux/fuse.h, FUSE_HANDLE_KILLPRIV_V2).
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

}  // namespace
}  // namespace scratchfs::harness

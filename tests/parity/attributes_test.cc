// What stat(2) shows of new and of changed objects.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>

#include "tests/mounted/harness/fd.h"
#include "tests/mounted/harness/parity.h"

namespace scratchfs::harness {
namespace {

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

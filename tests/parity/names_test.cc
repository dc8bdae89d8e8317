// Names: creating, removing and linking special files, and length limits.
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "tests/mounted/harness/fd.h"
#include "tests/mounted/harness/parity.h"

namespace scratchfs::harness {
namespace {

std::string target_of(const char* path) {
  char buffer[5000];
  const ssize_t got = readlink(path, buffer, sizeof(buffer));
  return got < 0 ? errno_name(errno) : std::string(buffer, static_cast<std::size_t>(got));
}

PARITY(ParityNames, UnlinkAndRmdirRefuseTheWrongKind) {
  make_file(at / "f", "");
  mkdir(at / "d", 0755);
  mkdir(at / "full", 0755);
  make_file(at / "full/x", "");
  symlink("d", at / "dlink");
  at.call("unlink a directory", unlink(at / "d"));
  at.call("rmdir a file", rmdir(at / "f"));
  at.call("rmdir a full directory", rmdir(at / "full"));
  at.call("rmdir a link to a directory", rmdir(at / "dlink"));
  at.call("rmdir missing", rmdir(at / "missing"));
  at.call("unlink missing", unlink(at / "missing"));
  at.call("unlink below a file", unlink(at / "f/x"));
  at.call("rmdir .", rmdir(at / "d/."));
  at.call("rmdir ..", rmdir(at / "full/.."));
  at.call("unlink ..", unlink(at / "full/.."));
  at.call("unlink with a slash", unlink(at / "f/"));
  at.call("rmdir the mount's root", rmdir(at.root()));
  at.call("unlink the link", unlink(at / "dlink"));
  at.call("rmdir", rmdir(at / "d"));
  at.list("afterwards", at.root());
}

PARITY(ParityNames, MkdirFindsWhatIsThere) {
  make_file(at / "f", "");
  at.call("mkdir", mkdir(at / "d", 0755));
  at.call("again", mkdir(at / "d", 0755));
  at.call("over a file", mkdir(at / "f", 0755));
  at.call("below a file", mkdir(at / "f/x", 0755));
  at.call("below nothing", mkdir(at / "missing/x", 0755));
  at.call("with a slash", mkdir(at / "slash/", 0755));
  at.call("the root", mkdir(at.root(), 0755));
  at.call(".", mkdir(at / "d/.", 0755));
}

PARITY(ParityNames, DirectoriesCountTheirSubdirectories) {
  at.stat("root", at.root());
  mkdir(at / "a", 0755);
  at.stat("root", at.root());
  at.stat("a", at / "a");
  mkdir(at / "a/1", 0755);
  mkdir(at / "a/2", 0755);
  make_file(at / "a/f", "");
  symlink("1", at / "a/link");
  at.stat("a with two", at / "a");
  rmdir(at / "a/1");
  at.stat("a with one", at / "a");
}

PARITY(ParityNames, NamesOfTheGreatestLength) {
  const std::string longest(255, 'n');
  const std::string too_long(256, 'n');
  at.descriptor("create 255", Fd(open(at / longest, O_CREAT | O_RDWR, 0644)).get());
  at.descriptor("create 256", Fd(open(at / too_long, O_CREAT | O_RDWR, 0644)).get());
  at.call("mkdir 256", mkdir(at / too_long, 0755));
  at.call("symlink 256", symlink("x", at / too_long));
  at.call("mkfifo 256", mkfifo(at / too_long, 0644));
  at.call("link 256", link(at / longest, at / too_long));
  at.call("rename to 256", rename(at / longest, at / too_long));
  at.call("unlink 256", unlink(at / too_long));
  at.stat("stat 256", at / too_long);
  at.stat("stat 255", at / longest);
  at.call("rename 255", rename(at / longest, at / std::string(255, 'm')));
  at.list("root", at.root());
}

PARITY(ParityNames, NamesOfAnyByte) {
  std::string odd;
  for (int byte = 1; byte < 256; ++byte) {
    if (byte != '/') {
      odd += static_cast<char>(byte);
    }
  }
  at.descriptor("all bytes but NUL and slash", Fd(open(at / odd, O_CREAT | O_RDWR, 0644)).get());
  at.descriptor("three dots", Fd(open(at / "...", O_CREAT | O_RDWR, 0644)).get());
  at.descriptor("a blank", Fd(open(at / " ", O_CREAT | O_RDWR, 0644)).get());
  at.descriptor("a newline", Fd(open(at / "\n", O_CREAT | O_RDWR, 0644)).get());
  at.descriptor("case matters", Fd(open(at / "A", O_CREAT | O_EXCL | O_RDWR, 0644)).get());
  at.descriptor("case matters", Fd(open(at / "a", O_CREAT | O_EXCL | O_RDWR, 0644)).get());
  at.list("root", at.root());
}

PARITY(ParityNames, LinksCountAndShareOneFile) {
  make_file(at / "f", "hello");
  at.call("link", link(at / "f", at / "g"));
  at.stat("f", at / "f");
  at.stat("g", at / "g");
  struct stat one {
  }, two{};
  stat(at / "f", &one);
  stat(at / "g", &two);
  at.note("same inode", one.st_ino == two.st_ino);
  make_file(at / "g", "other");
  at.content("through the other name", at / "f");
  chmod(at / "g", 0600);
  at.stat("f", at / "f");
  at.call("unlink f", unlink(at / "f"));
  at.stat("g", at / "g");
}

PARITY(ParityNames, LinkRefusesWhatItMust) {
  make_file(at / "f", "hello");
  mkdir(at / "d", 0755);
  symlink("f", at / "s");
  at.call("to what exists", link(at / "f", at / "s"));
  at.call("a directory", link(at / "d", at / "dd"));
  at.call("a missing file", link(at / "missing", at / "x"));
  at.call("into nothing", link(at / "f", at / "missing/x"));
  at.call("a symlink itself", link(at / "s", at / "s2"));
  at.stat("s2", at / "s2");
  at.call("what a symlink leads to",
          linkat(AT_FDCWD, at / "s", AT_FDCWD, at / "f2", AT_SYMLINK_FOLLOW));
  at.stat("f2", at / "f2");
  at.call("over itself", link(at / "f", at / "f"));
  at.call("across file systems", link("/proc/self/status", at / "x"));
}

PARITY(ParityNames, SymlinksHoldAnyTarget) {
  at.call("to nothing", symlink("nowhere/at all", at / "a"));
  at.stat("a", at / "a");
  at.note("target", target_of(at / "a"));
  at.call("an empty one", symlink("", at / "empty"));
  const std::string longest(4095, 't');
  at.call("4095 bytes", symlink(longest.c_str(), at / "long"));
  at.stat("long", at / "long");
  at.note("comes back", target_of(at / "long") == longest);
  at.call("4096 bytes", symlink(std::string(4096, 't').c_str(), at / "longer"));
  at.call("over what exists", symlink("x", at / "a"));
  at.note("readlink of the root", target_of(at.root()));
  make_file(at / "f", "");
  at.note("readlink of a file", target_of(at / "f"));
  char four[4];
  at.call("a short buffer", readlink(at / "a", four, sizeof(four)));
  at.bytes("cut", std::string_view(four, 4));
}

PARITY(ParityNames, PathsThroughSymlinks) {
  mkdir(at / "d", 0755);
  make_file(at / "d/f", "through a link");
  symlink("d", at / "link");
  symlink("../d/f", at / "d/up");
  at.content("a relative directory", at / "link/f");
  at.content("up and down", at / "link/up");
  symlink((at / "d").text().c_str(), at / "absolute");
  at.content("an absolute one", at / "absolute/f");
  symlink("b", at / "a");
  symlink("a", at / "b");
  at.content("in a circle", at / "a");
}

PARITY(ParityNames, SpecialFilesAreMade) {
  at.call("fifo", mknod(at / "fifo", S_IFIFO | 0644, 0));
  at.call("socket", mknod(at / "socket", S_IFSOCK | 0644, 0));
  at.call("char device", mknod(at / "char", S_IFCHR | 0644, makedev(1, 3)));
  at.call("block device", mknod(at / "block", S_IFBLK | 0644, makedev(7, 200)));
  at.call("plain file", mknod(at / "plain", S_IFREG | 0644, 0));
  at.call("no type at all", mknod(at / "none", 0644, 0));
  at.call("a directory", mknod(at / "dir", S_IFDIR | 0755, 0));
  at.call("over what exists", mknod(at / "fifo", S_IFIFO | 0644, 0));
  for (const char* name : {"fifo", "socket", "char", "block", "plain", "none"}) {
    at.stat(name, at / name);
  }
  at.descriptor("open a device on a nodev mount", Fd(open(at / "char", O_RDONLY)).get());
  at.descriptor("open a socket", Fd(open(at / "socket", O_RDONLY)).get());
  at.as(as_user(kAlice), [&] {
    at.call("a user's fifo", mknod(at / "fifo2", S_IFIFO | 0644, 0));
    at.call("a user's device", mknod(at / "char2", S_IFCHR | 0644, makedev(1, 3)));
  });
}

PARITY(ParityNames, AFifoCarriesData) {
  at.call("mkfifo", mkfifo(at / "pipe", 0600));
  at.descriptor("nobody reads", Fd(open(at / "pipe", O_WRONLY | O_NONBLOCK)).get());
  const Fd reader(open(at / "pipe", O_RDONLY | O_NONBLOCK));
  const Fd writer(open(at / "pipe", O_WRONLY));
  at.call("write", write(writer.get(), "hello", 5));
  char text[16];
  at.call("read", read(reader.get(), text, sizeof(text)));
  at.call("unlink while open", unlink(at / "pipe"));
  at.call("write on", write(writer.get(), "again", 5));
  at.call("read on", read(reader.get(), text, sizeof(text)));
}

PARITY(ParityNames, ASocketAnswersUnderItsName) {
  // sun_path is short, so this goes through the directory's descriptor.
  const Fd root(open(at.root(), O_RDONLY | O_DIRECTORY));
  const std::string path = "/proc/self/fd/" + std::to_string(root.get()) + "/s";
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof(address.sun_path) - 1);
  sockaddr* const name = reinterpret_cast<sockaddr*>(&address);
  const Fd server(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  at.call("bind", bind(server.get(), name, sizeof(address)));
  at.stat("socket", at / "s");
  const Fd early(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  at.call("connect before listen", connect(early.get(), name, sizeof(address)));
  at.call("listen", listen(server.get(), 5));
  const Fd client(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  at.call("connect", connect(client.get(), name, sizeof(address)));
  const Fd second(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  at.call("bind to what exists", bind(second.get(), name, sizeof(address)));
  at.call("unlink", unlink(at / "s"));
  const Fd late(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  at.call("connect after unlink", connect(late.get(), name, sizeof(address)));
}

PARITY(ParityNames, DeepDirectories) {
  std::string path = ".";
  const Fd start(open(at.root(), O_RDONLY | O_DIRECTORY));
  Fd here(open(at.root(), O_RDONLY | O_DIRECTORY));
  int depth = 0;
  while (depth < 500 && mkdirat(here.get(), "deep", 0755) == 0) {
    here = Fd(openat(here.get(), "deep", O_RDONLY | O_DIRECTORY));
    ++depth;
  }
  at.note("levels", depth);
  at.descriptor("a file at the bottom", Fd(openat(here.get(), "f", O_CREAT | O_RDWR, 0644)).get());
  at.call("parent of the bottom", faccessat(here.get(), "../deep/f", F_OK, 0));
  at.call("a path of 3000 bytes", faccessat(
                                      start.get(),
                                      [&] {
                                        std::string text;
                                        for (int i = 0; i < 500; ++i) {
                                          text += "deep/";
                                        }
                                        return text + "f";
                                      }()
                                          .c_str(),
                                      F_OK, 0));
}

PARITY(ParityNames, DotDotLeadsBackAfterARename) {
  mkdir(at / "a", 0755);
  mkdir(at / "b", 0755);
  mkdir(at / "a/sub", 0755);
  const Fd inside(open(at / "a/sub", O_RDONLY | O_DIRECTORY));
  make_file(at / "b/here", "");
  at.call("rename", rename(at / "a/sub", at / "b/sub"));
  at.call("the new parent", faccessat(inside.get(), "../here", F_OK, 0));
  at.stat("a", at / "a");
  at.stat("b", at / "b");
}

}  // namespace
}  // namespace scratchfs::harness

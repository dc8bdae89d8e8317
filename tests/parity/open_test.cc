// open(2) and its flags, O_TMPFILE, and files without names.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "tests/mounted/harness/fd.h"
#include "tests/mounted/harness/parity.h"

namespace scratchfs::harness {
namespace {

std::string proc_path(int fd) { return "/proc/self/fd/" + std::to_string(fd); }

PARITY(ParityOpen, ExclusiveCreationFindsWhatIsThere) {
  at.descriptor("first", Fd(open(at / "f", O_CREAT | O_EXCL | O_WRONLY, 0644)).get());
  at.descriptor("second", Fd(open(at / "f", O_CREAT | O_EXCL | O_WRONLY, 0644)).get());
  symlink("nowhere", at / "dangling");
  at.descriptor("a dangling symlink",
                Fd(open(at / "dangling", O_CREAT | O_EXCL | O_WRONLY, 0644)).get());
  mkdir(at / "d", 0755);
  at.descriptor("a directory", Fd(open(at / "d", O_CREAT | O_EXCL | O_WRONLY, 0644)).get());
  at.descriptor("through a dangling symlink",
                Fd(open(at / "dangling", O_CREAT | O_WRONLY, 0644)).get());
  at.list("afterwards", at.root());
}

PARITY(ParityOpen, FlagsThatAskForAKindOfFile) {
  make_file(at / "f", "x");
  mkdir(at / "d", 0755);
  symlink("f", at / "link");
  symlink("d", at / "dlink");
  symlink("loop", at / "loop");
  at.descriptor("missing", Fd(open(at / "missing", O_RDONLY)).get());
  at.descriptor("O_DIRECTORY of a file", Fd(open(at / "f", O_RDONLY | O_DIRECTORY)).get());
  at.descriptor("O_DIRECTORY of a directory", Fd(open(at / "d", O_RDONLY | O_DIRECTORY)).get());
  at.descriptor("O_DIRECTORY of a link to one",
                Fd(open(at / "dlink", O_RDONLY | O_DIRECTORY)).get());
  at.descriptor("O_NOFOLLOW of a link", Fd(open(at / "link", O_RDONLY | O_NOFOLLOW)).get());
  at.descriptor("O_NOFOLLOW of a file", Fd(open(at / "f", O_RDONLY | O_NOFOLLOW)).get());
  at.descriptor("O_PATH|O_NOFOLLOW of a link", Fd(open(at / "link", O_PATH | O_NOFOLLOW)).get());
  at.descriptor("a loop", Fd(open(at / "loop", O_RDONLY)).get());
  at.descriptor("a directory for writing", Fd(open(at / "d", O_RDWR)).get());
  at.descriptor("a directory O_CREAT", Fd(open(at / "d", O_CREAT | O_RDONLY, 0644)).get());
  at.descriptor("below a file", Fd(open(at / "f/x", O_CREAT | O_RDWR, 0644)).get());
  at.descriptor("with a slash at the end", Fd(open(at / "f/", O_RDONLY)).get());
  at.descriptor("creation with a slash at the end",
                Fd(open(at / "g/", O_CREAT | O_RDWR, 0644)).get());
}

PARITY(ParityOpen, TruncationAtOpen) {
  make_file(at / "f", "0123456789");
  at.descriptor("read-only without O_TRUNC", Fd(open(at / "f", O_RDONLY)).get());
  at.content("kept", at / "f");
  const Fd other(open(at / "f", O_RDONLY));
  at.descriptor("O_TRUNC", Fd(open(at / "f", O_WRONLY | O_TRUNC)).get());
  char byte = 0;
  at.call("another handle sees the end", read(other.get(), &byte, 1));
  at.content("emptied", at / "f");
  at.descriptor("O_CREAT|O_TRUNC of a new one",
                Fd(open(at / "new", O_CREAT | O_TRUNC | O_RDWR, 0600)).get());
  at.stat("new", at / "new");
}

PARITY(ParityOpen, AReadOnlyCreationModeDoesNotHinderTheCreator) {
  const Fd file(open(at / "f", O_CREAT | O_RDWR | O_EXCL, 0));
  at.call("write through it", write(file.get(), "x", 1));
  at.as(as_user(kAlice), [&] {
    const Fd own(open(at / "own", O_CREAT | O_RDWR | O_EXCL, 0400));
    at.call("write through it", write(own.get(), "x", 1));
    at.descriptor("again for writing", Fd(open(at / "own", O_RDWR)).get());
    at.descriptor("again for reading", Fd(open(at / "own", O_RDONLY)).get());
  });
}

PARITY(ParityOpen, AccessModesAreKept) {
  make_file(at / "f", "0123456789");
  char byte = 0;
  const Fd reader(open(at / "f", O_RDONLY));
  const Fd writer(open(at / "f", O_WRONLY));
  at.call("write to a reader", write(reader.get(), "x", 1));
  at.call("read from a writer", read(writer.get(), &byte, 1));
  at.call("ftruncate of a reader", ftruncate(reader.get(), 0));
  at.call("fallocate of a reader", fallocate(reader.get(), 0, 0, 10));
}

PARITY(ParityOpen, AppendGoesToTheEndWhereverThePositionIs) {
  make_file(at / "f", "0123");
  const Fd file(open(at / "f", O_RDWR | O_APPEND));
  at.call("seek", lseek(file.get(), 0, SEEK_SET));
  at.call("write", write(file.get(), "ab", 2));
  at.call("position", lseek(file.get(), 0, SEEK_CUR));
  at.call("pwrite", pwrite(file.get(), "cd", 2, 0));
  at.content("f", at / "f");
  make_file(at / "g", "0123");
  const Fd plain(open(at / "g", O_RDWR));
  at.call("set O_APPEND later", fcntl(plain.get(), F_SETFL, O_APPEND));
  at.call("write", write(plain.get(), "zz", 2));
  at.call("clear it again", fcntl(plain.get(), F_SETFL, 0));
  at.call("pwrite", pwrite(plain.get(), "yy", 2, 0));
  at.content("g", at / "g");
}

PARITY(ParityOpen, ATmpfileHasNoNameUntilItGetsOne) {
  const Fd file(open(at.root(), O_TMPFILE | O_RDWR, 0640));
  at.descriptor("O_TMPFILE", file.get());
  at.fstat("without a name", file.get());
  at.list("the root", at.root());
  at.call("write", write(file.get(), "hello", 5));
  at.call("linkat", linkat(AT_FDCWD, proc_path(file.get()).c_str(), AT_FDCWD, at / "named",
                           AT_SYMLINK_FOLLOW));
  at.fstat("with a name", file.get());
  at.list("the root", at.root());
  at.content("named", at / "named");
  at.call("a second name",
          linkat(AT_FDCWD, proc_path(file.get()).c_str(), AT_FDCWD, at / "two", AT_SYMLINK_FOLLOW));
  at.fstat("with two", file.get());
  at.call("over what exists",
          linkat(AT_FDCWD, proc_path(file.get()).c_str(), AT_FDCWD, at / "two", AT_SYMLINK_FOLLOW));
}

PARITY(ParityOpen, ATmpfileThatIsExclusiveNeverGetsAName) {
  const Fd file(open(at.root(), O_TMPFILE | O_RDWR | O_EXCL, 0600));
  at.descriptor("O_TMPFILE|O_EXCL", file.get());
  at.call("linkat", linkat(AT_FDCWD, proc_path(file.get()).c_str(), AT_FDCWD, at / "named",
                           AT_SYMLINK_FOLLOW));
  at.list("the root", at.root());
}

PARITY(ParityOpen, ATmpfileNeedsADirectoryItMayWrite) {
  mkdir(at / "closed", 0755);
  make_file(at / "f", "");
  at.descriptor("read-only", Fd(open(at.root(), O_TMPFILE | O_RDONLY, 0600)).get());
  at.descriptor("in a file", Fd(open(at / "f", O_TMPFILE | O_RDWR, 0600)).get());
  at.descriptor("in nothing", Fd(open(at / "missing", O_TMPFILE | O_RDWR, 0600)).get());
  at.as(as_user(kAlice), [&] {
    at.descriptor("in a closed directory", Fd(open(at / "closed", O_TMPFILE | O_RDWR, 0600)).get());
    at.descriptor("in the root", Fd(open(at.root(), O_TMPFILE | O_RDWR, 0600)).get());
  });
}

PARITY(ParityOpen, AnUnlinkedFileLivesThroughItsDescriptor) {
  const Fd file(open(at / "f", O_CREAT | O_RDWR, 0644));
  at.call("write", write(file.get(), "hello", 5));
  at.call("unlink", unlink(at / "f"));
  at.stat("by name", at / "f");
  at.fstat("by descriptor", file.get());
  at.call("write on", write(file.get(), "world", 5));
  const Fd again(open(proc_path(file.get()).c_str(), O_RDWR));
  at.descriptor("opened again through /proc", again.get());
  char text[16] = {};
  at.call("read", read(again.get(), text, sizeof(text)));
  at.bytes("content", std::string_view(text, 10));
  at.descriptor("a new file of the name",
                Fd(open(at / "f", O_CREAT | O_EXCL | O_RDWR, 0644)).get());
  at.fstat("the old one", file.get());
  at.stat("the new one", at / "f");
  at.call("truncate through /proc", truncate(proc_path(file.get()).c_str(), 2));
  at.fstat("the old one", file.get());
}

PARITY(ParityOpen, AnUnlinkedFileCannotGetANameBack) {
  const Fd file(open(at / "f", O_CREAT | O_RDWR, 0644));
  at.call("unlink", unlink(at / "f"));
  at.call("linkat", linkat(AT_FDCWD, proc_path(file.get()).c_str(), AT_FDCWD, at / "back",
                           AT_SYMLINK_FOLLOW));
  at.list("the root", at.root());
}

PARITY(ParityOpen, ARemovedDirectoryIsEmptyForWhoIsInIt) {
  mkdir(at / "d", 0755);
  const Fd directory(open(at / "d", O_RDONLY | O_DIRECTORY));
  at.call("rmdir", rmdir(at / "d"));
  at.fstat("by descriptor", directory.get());
  at.descriptor("create in it", openat(directory.get(), "x", O_CREAT | O_RDWR, 0600));
  at.call("mkdir in it", mkdirat(directory.get(), "x", 0700));
  at.list("list it", proc_path(directory.get()).c_str());
}

PARITY(ParityOpen, DuplicatesShareThePosition) {
  const Fd file(open(at / "f", O_CREAT | O_RDWR, 0644));
  const Fd copy(dup(file.get()));
  at.call("write", write(file.get(), "hello", 5));
  at.call("position of the copy", lseek(copy.get(), 0, SEEK_CUR));
  at.call("write", write(copy.get(), "world", 5));
  at.content("f", at / "f");
}

PARITY(ParityOpen, SyncsSucceed) {
  mkdir(at / "d", 0755);
  const Fd file(open(at / "f", O_CREAT | O_RDWR | O_SYNC, 0644));
  at.call("write O_SYNC", write(file.get(), "hello", 5));
  at.call("fsync", fsync(file.get()));
  at.call("fdatasync", fdatasync(file.get()));
  at.call("sync_file_range", sync_file_range(file.get(), 0, 5, SYNC_FILE_RANGE_WRITE));
  at.call("syncfs", syncfs(file.get()));
  const Fd directory(open(at / "d", O_RDONLY | O_DIRECTORY));
  at.call("fsync of a directory", fsync(directory.get()));
}

}  // namespace
}  // namespace scratchfs::harness

// Locks across processes: flock(2), fcntl(2) and open file description locks.
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>

#include "tests/mounted/harness/fd.h"
#include "tests/mounted/harness/parity.h"

namespace scratchfs::harness {
namespace {

struct flock region(short type, off_t start, off_t length) {
  struct flock lock {};
  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  lock.l_start = start;
  lock.l_len = length;
  return lock;
}

int set_lock(int fd, int command, short type, off_t start = 0, off_t length = 0) {
  struct flock lock = region(type, start, length);
  return fcntl(fd, command, &lock);
}

// Returns what conflicts with a lock: "none", or the conflicting lock's kind and range.
std::string hindrance(int fd, short type, off_t start, off_t length) {
  struct flock lock = region(type, start, length);
  if (fcntl(fd, F_GETLK, &lock) != 0) {
    return errno_name(errno);
  }
  if (lock.l_type == F_UNLCK) {
    return "none";
  }
  return (lock.l_type == F_RDLCK ? "read " : "write ") + std::to_string(lock.l_start) + "+" +
         std::to_string(lock.l_len);
}

PARITY(ParityLocks, FlockExcludesOtherDescriptions) {
  make_file(at / "f", "");
  const Fd one(open(at / "f", O_RDWR));
  Fd two(open(at / "f", O_RDWR));
  at.call("exclusive", flock(one.get(), LOCK_EX | LOCK_NB));
  at.call("shared by another", flock(two.get(), LOCK_SH | LOCK_NB));
  at.call("by a duplicate", flock(Fd(dup(one.get())).get(), LOCK_EX | LOCK_NB));
  at.call("down to shared", flock(one.get(), LOCK_SH | LOCK_NB));
  at.call("shared by another", flock(two.get(), LOCK_SH | LOCK_NB));
  at.call("up to exclusive", flock(one.get(), LOCK_EX | LOCK_NB));
  two.close();
  at.call("after the other closed", flock(one.get(), LOCK_EX | LOCK_NB));
  at.call("unlock", flock(one.get(), LOCK_UN));
  at.as(Who{}, [&] {
    const Fd mine(open(at / "f", O_RDWR));
    at.call("another process", flock(mine.get(), LOCK_EX | LOCK_NB));
  });
  at.call("after it ended", flock(one.get(), LOCK_EX | LOCK_NB));
}

PARITY(ParityLocks, FlockWaits) {
  make_file(at / "f", "");
  const Fd file(open(at / "f", O_RDWR));
  at.call("exclusive", flock(file.get(), LOCK_EX));
  Child child(Who{}, [&](Channel& channel) {
    const Fd mine(open(at / "f", O_RDWR));
    channel.send(flock(mine.get(), LOCK_EX | LOCK_NB) == 0 ? "free" : errno_name(errno));
    channel.send(flock(mine.get(), LOCK_EX) == 0 ? "got it" : errno_name(errno));
  });
  at.note("first", child.receive());
  at.call("unlock", flock(file.get(), LOCK_UN));
  at.note("then", child.receive());
  at.note("end", child.join());
}

PARITY(ParityLocks, FcntlLocksAreOfRangesAndProcesses) {
  make_file(at / "f", std::string(1000, 'x'));
  const Fd file(open(at / "f", O_RDWR));
  at.call("write lock", set_lock(file.get(), F_SETLK, F_WRLCK, 100, 100));
  at.call("read lock", set_lock(file.get(), F_SETLK, F_RDLCK, 300, 100));
  at.as(Who{}, [&] {
    const Fd mine(open(at / "f", O_RDWR));
    at.call("the write lock's range", set_lock(mine.get(), F_SETLK, F_RDLCK, 150, 10));
    at.call("before it", set_lock(mine.get(), F_SETLK, F_WRLCK, 0, 100));
    at.call("reading with a reader", set_lock(mine.get(), F_SETLK, F_RDLCK, 300, 100));
    at.call("writing with a reader", set_lock(mine.get(), F_SETLK, F_WRLCK, 399, 1));
    at.note("who hinders writing", hindrance(mine.get(), F_WRLCK, 100, 50));
    at.note("who hinders reading all", hindrance(mine.get(), F_RDLCK, 0, 0));
    at.note("who hinders the end", hindrance(mine.get(), F_WRLCK, 500, 0));
  });
  at.call("split it", set_lock(file.get(), F_SETLK, F_UNLCK, 140, 20));
  at.as(Who{}, [&] {
    const Fd mine(open(at / "f", O_RDWR));
    at.call("the middle", set_lock(mine.get(), F_SETLK, F_WRLCK, 140, 20));
    at.call("its left", set_lock(mine.get(), F_SETLK, F_WRLCK, 139, 1));
    at.call("its right", set_lock(mine.get(), F_SETLK, F_WRLCK, 160, 1));
  });
  // POSIX: any close of the file by the process drops all its locks.
  Fd(open(at / "f", O_RDONLY));
  at.as(Who{}, [&] {
    const Fd mine(open(at / "f", O_RDWR));
    at.call("after any close", set_lock(mine.get(), F_SETLK, F_WRLCK));
  });
}

PARITY(ParityLocks, FcntlLocksGoWithTheProcess) {
  make_file(at / "f", "");
  Child child(Who{}, [&](Channel& channel) {
    const Fd mine(open(at / "f", O_RDWR));
    channel.send(std::to_string(set_lock(mine.get(), F_SETLK, F_WRLCK)));
    channel.receive();
  });
  at.note("child", child.receive());
  const Fd file(open(at / "f", O_RDWR));
  at.call("while it lives", set_lock(file.get(), F_SETLK, F_WRLCK));
  child.kill(SIGKILL);
  child.join();
  at.call("after it was killed", set_lock(file.get(), F_SETLKW, F_WRLCK));
}

PARITY(ParityLocks, FcntlLocksWaitAndDetectDeadlock) {
  make_file(at / "f", "");
  const Fd file(open(at / "f", O_RDWR));
  at.call("first byte", set_lock(file.get(), F_SETLK, F_WRLCK, 0, 1));
  Child child(Who{}, [&](Channel& channel) {
    const Fd mine(open(at / "f", O_RDWR));
    channel.send(std::to_string(set_lock(mine.get(), F_SETLK, F_WRLCK, 1, 1)));
    const int got = set_lock(mine.get(), F_SETLKW, F_WRLCK, 0, 1);
    channel.send(got == 0 ? "got it" : errno_name(errno));
  });
  at.note("second byte", child.receive());
  at.call("unlock", set_lock(file.get(), F_SETLK, F_UNLCK));
  at.note("then", child.receive());
  child.join();
}

PARITY(ParityLocks, LocksOfDescriptionsExcludeEachOther) {
  make_file(at / "f", "");
  const Fd one(open(at / "f", O_RDWR));
  const Fd two(open(at / "f", O_RDWR));
  at.call("one", set_lock(one.get(), F_OFD_SETLK, F_WRLCK, 0, 10));
  at.call("two", set_lock(two.get(), F_OFD_SETLK, F_WRLCK, 5, 10));
  at.call("two beside it", set_lock(two.get(), F_OFD_SETLK, F_WRLCK, 10, 10));
  Fd(open(at / "f", O_RDONLY));
  at.call("kept when another closes", set_lock(two.get(), F_OFD_SETLK, F_RDLCK, 0, 1));
  at.call("unlock", set_lock(one.get(), F_OFD_SETLK, F_UNLCK, 0, 10));
  at.call("two", set_lock(two.get(), F_OFD_SETLK, F_RDLCK, 0, 1));
}

PARITY(ParityLocks, AskForTheRightDescriptor) {
  make_file(at / "f", "");
  const Fd reader(open(at / "f", O_RDONLY));
  const Fd writer(open(at / "f", O_WRONLY));
  at.call("write lock of a reader", set_lock(reader.get(), F_SETLK, F_WRLCK));
  at.call("read lock of a writer", set_lock(writer.get(), F_SETLK, F_RDLCK));
  at.call("flock of a reader", flock(reader.get(), LOCK_EX | LOCK_NB));
}

PARITY(ParityLocks, LeasesAndNotificationsAreAsElsewhere) {
  make_file(at / "f", "");
  const Fd file(open(at / "f", O_RDONLY));
  at.call("a read lease", fcntl(file.get(), F_SETLEASE, F_RDLCK));
  at.call("take it back", fcntl(file.get(), F_SETLEASE, F_UNLCK));
}

}  // namespace
}  // namespace scratchfs::harness

// Space: holes, preallocation, SEEK_DATA and SEEK_HOLE, st_blocks, huge offsets, copy_file_range
// and statfs.
#include <fcntl.h>
#include <linux/falloc.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>

#include "tests/mounted/harness/fd.h"
#include "tests/mounted/harness/pace.h"
#include "tests/mounted/harness/parity.h"
#include "tests/units.h"

namespace scratchfs::harness {
namespace {

void note_map(Place& at, std::string_view what, int fd) {
  std::string text;
  off_t position = 0;
  while (true) {
    const off_t data = lseek(fd, position, SEEK_DATA);
    if (data < 0) {
      text += " " + errno_name(errno);
      break;
    }
    const off_t hole = lseek(fd, data, SEEK_HOLE);
    text += " " + std::to_string(data) + "-" + std::to_string(hole);
    position = hole;
  }
  at.note(what, text);
}

PARITY(ParitySpace, HolesReadAsZeros) {
  const Fd file(open(at / "f", O_CREAT | O_RDWR, 0644));
  const std::string page = random_bytes(kPage, 1);
  at.call("write a page at 1 MiB", pwrite(file.get(), page.data(), kPage, 1 << 20));
  at.fstat("f", file.get());
  at.blocks("f", at / "f");
  at.content("f", at / "f");
  note_map(at, "map", file.get());
  at.call("write a byte into the hole", pwrite(file.get(), "x", 1, 5000));
  at.content("f", at / "f");
  at.blocks("f", at / "f");
  note_map(at, "map", file.get());
}

PARITY(ParitySpace, SeekDataAndHoleAtTheEdges) {
  const Fd file(open(at / "f", O_CREAT | O_RDWR, 0644));
  at.call("data of an empty file", lseek(file.get(), 0, SEEK_DATA));
  at.call("hole of an empty file", lseek(file.get(), 0, SEEK_HOLE));
  at.call("truncate", ftruncate(file.get(), 10 * kPage));
  at.call("data of a hole", lseek(file.get(), 0, SEEK_DATA));
  at.call("hole of a hole", lseek(file.get(), 5, SEEK_HOLE));
  pwrite(file.get(), "x", 1, 4 * kPage + 7);
  at.call("data before", lseek(file.get(), 0, SEEK_DATA));
  at.call("data within", lseek(file.get(), 4 * kPage + 9, SEEK_DATA));
  at.call("hole after", lseek(file.get(), 4 * kPage + 9, SEEK_HOLE));
  at.call("data behind it", lseek(file.get(), 5 * kPage, SEEK_DATA));
  at.call("hole behind the end", lseek(file.get(), 10 * kPage, SEEK_HOLE));
  at.call("data behind the end", lseek(file.get(), 11 * kPage, SEEK_DATA));
  at.call("negative", lseek(file.get(), -1, SEEK_DATA));
  at.call("SEEK_END", lseek(file.get(), -1, SEEK_END));
  at.call("before the beginning", lseek(file.get(), -11 * off_t{kPage}, SEEK_END));
}

PARITY(ParitySpace, FallocateReservesAndGrows) {
  const Fd file(open(at / "f", O_CREAT | O_RDWR, 0644));
  at.call("allocate", fallocate(file.get(), 0, 0, 10 * kPage));
  at.fstat("grown", file.get());
  at.blocks("grown", at / "f");
  at.content("zeros", at / "f");
  at.call("keep size", fallocate(file.get(), FALLOC_FL_KEEP_SIZE, 10 * kPage, 6 * kPage));
  at.fstat("not grown", file.get());
  at.blocks("not grown", at / "f");
  at.call("again", fallocate(file.get(), 0, 0, 10 * kPage));
  at.blocks("again", at / "f");
  at.call("no length", fallocate(file.get(), 0, 0, 0));
  at.call("negative", fallocate(file.get(), 0, -1, 10));
  at.call("too far", fallocate(file.get(), 0, 1LL << 62, 1LL << 62));
  at.call("posix_fallocate", posix_fallocate(file.get(), 0, 20 * kPage));
  at.fstat("f", file.get());
}

PARITY(ParitySpace, WhatIsAllocatedIsAHoleUntilItIsWritten) {
  const Fd file(open(at / "f", O_CREAT | O_RDWR, 0644));
  at.call("allocate", fallocate(file.get(), 0, 0, 64 * kPage));
  note_map(at, "nothing", file.get());
  pwrite(file.get(), "x", 1, 3 * kPage + 7);
  pwrite(file.get(), "x", 1, 40 * kPage);
  note_map(at, "two pages", file.get());
  std::string page(kPage, 'x');
  at.call("read", pread(file.get(), page.data(), page.size(), 20 * kPage));
  at.note("zeros", page == std::string(kPage, '\0') ? "yes" : "no");
  note_map(at, "reading changes nothing", file.get());
  at.call("punch",
          fallocate(file.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 2 * kPage, 10 * kPage));
  at.blocks("ten less", at / "f");
  note_map(at, "one page", file.get());
  at.call("truncate", ftruncate(file.get(), 50 * kPage + 5));
  at.blocks("cut", at / "f");
  at.content("f", at / "f");
}

PARITY(ParitySpace, FallocateKeepsWhatIsWritten) {
  const Fd file(open(at / "f", O_CREAT | O_RDWR, 0644));
  const std::string data = random_bytes(3 * kPage, 2);
  pwrite(file.get(), data.data(), data.size(), kPage + 100);
  at.call("over it", fallocate(file.get(), 0, 0, 10 * kPage));
  at.content("f", at / "f");
  at.call("punch without keep size", fallocate(file.get(), FALLOC_FL_PUNCH_HOLE, 0, kPage));
}

PARITY(ParitySpace, PunchedHolesReadAsZerosAndGiveSpaceBack) {
  const Fd file(open(at / "f", O_CREAT | O_RDWR, 0644));
  const std::string data = random_bytes(64 * kPage, 3);
  pwrite(file.get(), data.data(), data.size(), 0);
  at.blocks("full", at / "f");
  constexpr int kPunch = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
  at.call("whole pages", fallocate(file.get(), kPunch, 4 * kPage, 8 * kPage));
  at.blocks("eight less", at / "f");
  at.content("f", at / "f");
  note_map(at, "map", file.get());
  at.call("parts of pages", fallocate(file.get(), kPunch, 20 * kPage + 100, 3 * kPage));
  at.blocks("two less", at / "f");
  at.content("f", at / "f");
  at.call("within one page", fallocate(file.get(), kPunch, 30 * kPage + 100, 200));
  at.content("f", at / "f");
  at.call("over the end", fallocate(file.get(), kPunch, 60 * kPage, 100 * kPage));
  at.fstat("f", file.get());
  at.content("f", at / "f");
  at.call("all", fallocate(file.get(), kPunch, 0, 1LL << 40));
  at.blocks("nothing", at / "f");
  at.fstat("size is kept", file.get());
  at.content("zeros", at / "f");
  at.moved("punching", at / "f", [&] { fallocate(file.get(), kPunch, 0, kPage); });
}

PARITY(ParitySpace, FallocateRefusesWhatTmpfsRefusesToo) {
  const Fd file(open(at / "f", O_CREAT | O_RDWR, 0644));
  ftruncate(file.get(), 10 * kPage);
  // Leaves out ZERO_RANGE, which tmpfs lacks; tests/mounted/io_test.cc covers it.
  at.call("collapse", fallocate(file.get(), FALLOC_FL_COLLAPSE_RANGE, 0, kPage));
  at.call("insert", fallocate(file.get(), FALLOC_FL_INSERT_RANGE, 0, kPage));
  at.fstat("unchanged", file.get());
}

PARITY(ParitySpace, TruncateCutsAndGrows) {
  const Fd file(open(at / "f", O_CREAT | O_RDWR, 0644));
  const std::string data = random_bytes(16 * kPage, 4);
  pwrite(file.get(), data.data(), data.size(), 0);
  for (const std::size_t size : {16 * kPage, 10 * kPage, 10 * kPage - 1, 5 * kPage + 17, 8 * kPage,
                                 1UL, 0UL, 100UL, 32 * kPage}) {
    at.call("ftruncate", ftruncate(file.get(), static_cast<off_t>(size)));
    at.fstat("f", file.get());
    at.content("f", at / "f");
  }
  at.blocks("holes alone", at / "f");
  at.call("negative", ftruncate(file.get(), -1));
  at.call("truncate of a directory", truncate(at.root(), 0));
  at.call("of nothing", truncate(at / "missing", 0));
}

PARITY(ParitySpace, WhatWasCutOffDoesNotComeBack) {
  const Fd file(open(at / "f", O_CREAT | O_RDWR, 0644));
  const std::string data(3 * kPage, 'x');
  pwrite(file.get(), data.data(), data.size(), 0);
  ftruncate(file.get(), 100);
  ftruncate(file.get(), 3 * kPage);
  at.content("grown again", at / "f");
  pwrite(file.get(), data.data(), data.size(), 0);
  ftruncate(file.get(), 100);
  pwrite(file.get(), "y", 1, 2 * kPage);
  at.content("written behind", at / "f");
}

PARITY(ParitySpace, FilesOfEightTebibytes) {
  const Fd file(open(at / "f", O_CREAT | O_RDWR, 0644));
  at.call("truncate", ftruncate(file.get(), 8 * kTiB));
  at.fstat("f", file.get());
  at.blocks("f", at / "f");
  at.call("write at the end", pwrite(file.get(), "end", 3, 8 * kTiB - 3));
  at.call("write in the middle", pwrite(file.get(), "middle", 6, 4 * kTiB + 5));
  char text[8] = {};
  at.call("read the end", pread(file.get(), text, 8, 8 * kTiB - 3));
  at.bytes("end", std::string_view(text, 3));
  at.call("read the middle", pread(file.get(), text, 6, 4 * kTiB + 5));
  at.bytes("middle", std::string_view(text, 6));
  note_map(at, "map", file.get());
  at.blocks("two pages", at / "f");
  at.call("cut", ftruncate(file.get(), kPage));
  at.blocks("nothing", at / "f");
}

PARITY(ParitySpace, OffsetsThatAreTooLarge) {
  const Fd file(open(at / "f", O_CREAT | O_RDWR, 0644));
  constexpr off_t kLast = 0x7fff'ffff'ffff'ffff;
  char byte = 0;
  at.call("write at the last offset", pwrite(file.get(), "x", 1, kLast));
  at.call("write before the last", pwrite(file.get(), "x", 1, kLast - 1));
  at.fstat("f", file.get());
  at.call("truncate to the last", ftruncate(file.get(), kLast));
  at.fstat("f", file.get());
  at.call("read at the last", pread(file.get(), &byte, 1, kLast));
  at.call("read before the last", pread(file.get(), &byte, 1, kLast - 1));
  at.call("write at a negative offset", pwrite(file.get(), "x", 1, -1));
  at.call("read at a negative offset", pread(file.get(), &byte, 1, -1));
  at.call("seek to the last", lseek(file.get(), kLast, SEEK_SET));
  at.call("write there", write(file.get(), "x", 1));
  at.call("append behind the last", [&] {
    const Fd appending(open(at / "f", O_WRONLY | O_APPEND));
    return write(appending.get(), "x", 1);
  }());
  at.call("fallocate there", fallocate(file.get(), 0, kLast - 10, 10));
}

PARITY(ParitySpace, CopyFileRangeCopies) {
  const std::string data = random_bytes(40 * kPage + 123, 5);
  make_file(at / "source", data);
  const Fd source(open(at / "source", O_RDWR));
  const Fd target(open(at / "target", O_CREAT | O_RDWR, 0644));
  off_t from = 0;
  off_t to = 0;
  at.call("all", copy_file_range(source.get(), &from, target.get(), &to, data.size(), 0));
  at.note("from", from);
  at.note("to", to);
  at.content("target", at / "target");
  from = 17;
  to = 100'000;
  at.call("odd ranges", copy_file_range(source.get(), &from, target.get(), &to, 70'001, 0));
  at.content("target", at / "target");
  from = static_cast<off_t>(data.size()) - 10;
  at.call("over the end", copy_file_range(source.get(), &from, target.get(), &to, 1000, 0));
  at.call("at the end", copy_file_range(source.get(), &from, target.get(), &to, 1000, 0));
  from = 0;
  to = 50 * kPage;
  at.call("within one file", copy_file_range(source.get(), &from, source.get(), &to, 3 * kPage, 0));
  at.content("source", at / "source");
  from = 0;
  to = kPage;
  at.call("overlapping", copy_file_range(source.get(), &from, source.get(), &to, 3 * kPage, 0));
  at.call("flags", copy_file_range(source.get(), nullptr, target.get(), nullptr, 10, 1));
  const Fd reader(open(at / "target", O_RDONLY));
  at.call("into a reader", copy_file_range(source.get(), nullptr, reader.get(), nullptr, 10, 0));
  const Fd appender(open(at / "target", O_WRONLY | O_APPEND));
  at.call("into an appender",
          copy_file_range(source.get(), nullptr, appender.get(), nullptr, 10, 0));
}

PARITY(ParitySpace, StatfsIsPlausible) {
  struct statfs info {};
  at.call("statfs", statfs(at.root(), &info));
  at.note("names", info.f_namelen);
  at.note("block size", info.f_bsize);
  at.note("free is no more than all", info.f_bfree <= info.f_blocks);
  at.note("available is no more than free", info.f_bavail <= info.f_bfree);
  at.note("there is space", info.f_blocks > 1000 && info.f_bavail > 1000);
  at.note("there are inodes", info.f_files > 1000 && info.f_ffree > 1000);
  at.note("free inodes are no more than all", info.f_ffree <= info.f_files);
  struct statvfs flags {};
  at.call("statvfs", statvfs(at.root(), &flags));
  at.note("nosuid", (flags.f_flag & ST_NOSUID) != 0);
  at.note("nodev", (flags.f_flag & ST_NODEV) != 0);
  at.note("writable", (flags.f_flag & ST_RDONLY) == 0);
}

PARITY(ParitySpace, StatfsFollowsTheContents) {
  struct statfs before {
  }, full{};
  statfs(at.root(), &before);
  {
    const Fd file(open(at / "f", O_CREAT | O_RDWR, 0644));
    at.call("fallocate", fallocate(file.get(), 0, 0, 16 << 20));
    statfs(at.root(), &full);
    const auto used = static_cast<long long>(before.f_bavail - full.f_bavail) *
                      static_cast<long long>(full.f_bsize);
    at.note("16 MiB less", used >= (16 << 20) - full.f_bsize && used <= (17 << 20));
    at.note("one inode less", before.f_ffree - full.f_ffree);
    unlink(at / "f");
  }
  // Soon rather than at once: RELEASE is sent without waiting.
  at.note("space is back", eventually(
                               [&] {
                                 struct statfs after {};
                                 statfs(at.root(), &after);
                                 return after.f_bavail == before.f_bavail &&
                                        after.f_ffree == before.f_ffree;
                               },
                               5));
}

}  // namespace
}  // namespace scratchfs::harness

// Reads and writes: odd sizes and offsets, vectors, O_DIRECT, concurrent writers.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "tests/mounted/harness/fd.h"
#include "tests/mounted/harness/parity.h"
#include "tests/units.h"

namespace scratchfs::harness {
namespace {

struct Freed {
  void operator()(char* memory) const { std::free(memory); }
};
using Aligned = std::unique_ptr<char, Freed>;

Aligned aligned_bytes(std::size_t count, unsigned seed) {
  Aligned memory(
      static_cast<char*>(std::aligned_alloc(kPage, (count + kPage - 1) / kPage * kPage)));
  std::memcpy(memory.get(), random_bytes(count, seed).data(), count);
  return memory;
}

PARITY(ParityIo, OddSizesAtOddOffsets) {
  const Fd file(open(at / "f", O_CREAT | O_RDWR, 0644));
  const std::string data = random_bytes(300'000, 1);
  unsigned seed = 1;
  for (int i = 0; i < 120; ++i) {
    seed = seed * 1664525 + 1013904223;
    const std::size_t length = (seed >> 8) % 20'000;
    const off_t offset = static_cast<off_t>((seed >> 3) % 400'000);
    at.call("pwrite", pwrite(file.get(), data.data() + i, length, offset));
    if (i % 20 == 0) {
      at.content("so far", at / "f");
    }
  }
  at.content("f", at / "f");
  std::string buffer(50'000, '\0');
  for (int i = 0; i < 60; ++i) {
    seed = seed * 1664525 + 1013904223;
    const std::size_t length = (seed >> 8) % buffer.size();
    const off_t offset = static_cast<off_t>((seed >> 3) % 450'000);
    const ssize_t got = pread(file.get(), buffer.data(), length, offset);
    at.call("pread", got);
    at.bytes("read",
             std::string_view(buffer).substr(0, got < 0 ? 0 : static_cast<std::size_t>(got)));
  }
}

PARITY(ParityIo, SizesAroundPagesAndBlocks) {
  for (const std::size_t size : {1UL, 100UL, 4095UL, 4096UL, 4097UL, 65535UL, 65536UL, 65537UL,
                                 131072UL, 1048575UL, 1048576UL, 1048577UL, 5000011UL}) {
    const Fd file(open(at / "f", O_CREAT | O_RDWR | O_TRUNC, 0644));
    const std::string data = random_bytes(size, static_cast<unsigned>(size));
    at.call("write", write(file.get(), data.data(), size));
    at.fstat("f", file.get());
    at.content("f", at / "f");
    std::string back(size + 10, '\0');
    at.call("read", pread(file.get(), back.data(), back.size(), 0));
    at.note("equal", back.compare(0, size, data) == 0);
    at.call("read at the end", pread(file.get(), back.data(), 10, static_cast<off_t>(size)));
    at.call("read behind the end",
            pread(file.get(), back.data(), 10, static_cast<off_t>(size) + 1000));
  }
}

PARITY(ParityIo, SmallFilesGrowByteByByte) {
  const Fd file(open(at / "f", O_CREAT | O_RDWR, 0644));
  for (int i = 0; i < 5000; ++i) {
    const char byte = static_cast<char>(i * 7);
    if (write(file.get(), &byte, 1) != 1) {
      at.call("write", -1);
    }
  }
  at.fstat("f", file.get());
  at.content("f", at / "f");
}

PARITY(ParityIo, VectorsAreOneCall) {
  const Fd file(open(at / "f", O_CREAT | O_RDWR, 0644));
  std::string one = random_bytes(10, 1), two = random_bytes(70'000, 2), three = random_bytes(1, 3);
  const iovec parts[] = {
      {one.data(), one.size()}, {two.data(), two.size()}, {nullptr, 0}, {three.data(), 1}};
  at.call("writev", writev(file.get(), parts, 4));
  at.call("pwritev", pwritev(file.get(), parts, 4, 100'000));
  at.content("f", at / "f");
  at.call("preadv", preadv(file.get(), parts, 4, 5));
  at.bytes("one", one);
  at.bytes("two", two);
  at.call("RWF_APPEND", pwritev2(file.get(), parts, 1, 0, RWF_APPEND));
  at.fstat("f", file.get());
  at.call("none", writev(file.get(), parts, 0));
}

PARITY(ParityIo, WritingNothingAndFromNowhere) {
  const Fd file(open(at / "f", O_CREAT | O_RDWR, 0644));
  at.call("nothing", write(file.get(), "", 0));
  at.call("nothing far away", pwrite(file.get(), "", 0, 1 << 20));
  at.fstat("f", file.get());
  void* nowhere = mmap(nullptr, kPage, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  at.call("from nowhere", write(file.get(), nowhere, 100));
  at.fstat("f", file.get());
  at.call("write", write(file.get(), "0123456789", 10));
  at.call("into nowhere", pread(file.get(), nowhere, 10, 0));
  at.call("read nothing", pread(file.get(), nowhere, 0, 0));
  munmap(nowhere, kPage);
}

PARITY(ParityIo, DirectReadsAndWrites) {
  const Aligned data = aligned_bytes(64 * kPage, 1);
  const Aligned back = aligned_bytes(64 * kPage, 2);
  const Fd file(open(at / "f", O_CREAT | O_RDWR | at.direct(), 0644));
  at.descriptor("O_DIRECT", file.get());
  at.call("write", pwrite(file.get(), data.get(), 64 * kPage, 0));
  at.call("read", pread(file.get(), back.get(), 64 * kPage, 0));
  at.note("equal", std::memcmp(data.get(), back.get(), 64 * kPage) == 0);
  at.call("far away", pwrite(file.get(), data.get(), kPage, 1 << 20));
  at.content("f, not direct", at / "f");
  const Fd cached(open(at / "f", O_RDWR));
  at.call("cached write", pwrite(cached.get(), "cached", 6, 10 * kPage));
  at.call("direct read of it", pread(file.get(), back.get(), kPage, 10 * kPage));
  at.bytes("equal", std::string_view(back.get(), kPage));
  at.call("direct write", pwrite(file.get(), data.get(), kPage, 20 * kPage));
  at.call("cached read of it", pread(cached.get(), back.get(), kPage, 20 * kPage));
  at.note("equal", std::memcmp(data.get(), back.get(), kPage) == 0);
  at.call("direct over the end", pread(file.get(), back.get(), 64 * kPage, 1 << 20));
}

PARITY(ParityIo, CachedReadersSeeEveryWriteAtOnce) {
  const Fd writer(open(at / "f", O_CREAT | O_WRONLY, 0644));
  const Fd reader(open(at / "f", O_RDONLY));
  int stale = 0;
  for (int i = 0; i < 500; ++i) {
    const std::string text =
        "round" + std::to_string(i) + std::string(static_cast<std::size_t>(i % 7) * 1000, 'x');
    pwrite(writer.get(), text.data(), text.size(), (i % 3) * 5000);
    std::string back(text.size(), '\0');
    const ssize_t got = pread(reader.get(), back.data(), back.size(), (i % 3) * 5000);
    stale += got != static_cast<ssize_t>(text.size()) || back != text ? 1 : 0;
  }
  at.note("stale reads", stale);
  at.content("f", at / "f");
}

PARITY(ParityIo, AReaderSeesTruncationAndGrowthAtOnce) {
  const Fd writer(open(at / "f", O_CREAT | O_RDWR, 0644));
  const Fd reader(open(at / "f", O_RDONLY));
  std::string buffer(100'000, '\0');
  const std::string data = random_bytes(80'000, 3);
  int wrong = 0;
  for (int i = 0; i < 50; ++i) {
    pwrite(writer.get(), data.data(), data.size(), 0);
    wrong += pread(reader.get(), buffer.data(), buffer.size(), 0) != 80'000 ? 1 : 0;
    ftruncate(writer.get(), 10'000 + i);
    wrong += pread(reader.get(), buffer.data(), buffer.size(), 0) != 10'000 + i ? 1 : 0;
    struct stat info {};
    fstat(reader.get(), &info);
    wrong += info.st_size != 10'000 + i ? 1 : 0;
  }
  at.note("wrong", wrong);
}

PARITY(ParityIo, ProcessesAppendToOneFile) {
  constexpr int kLines = 400;
  constexpr std::size_t kLength = 128;
  Fd(open(at / "log", O_CREAT | O_WRONLY, 0644));
  std::vector<Child> children;
  for (int child = 0; child < 4; ++child) {
    children.emplace_back(Who{}, [&at, child](Channel&) {
      const Fd log(open(at / "log", O_WRONLY | O_APPEND));
      for (int i = 0; i < kLines; ++i) {
        std::string line(kLength - 1, static_cast<char>('a' + child));
        line += '\n';
        EXPECT_EQ(write(log.get(), line.data(), line.size()), static_cast<ssize_t>(kLength));
      }
    });
  }
  for (Child& child : children) {
    child.join();
  }
  at.stat("log", at / "log");
  const Fd log(open(at / "log", O_RDONLY));
  std::string line(kLength, '\0');
  int torn = 0;
  int lines[4] = {};
  while (read(log.get(), line.data(), kLength) == static_cast<ssize_t>(kLength)) {
    torn += line.find_first_not_of(line[0]) != kLength - 1 ? 1 : 0;
    ++lines[(line[0] - 'a') & 3];
  }
  at.note("torn lines", torn);
  for (const int count : lines) {
    at.note("lines", count);
  }
}

PARITY(ParityIo, ProcessesWriteTheirPartsOfOneFile) {
  Fd(open(at / "f", O_CREAT | O_WRONLY, 0644));
  std::vector<Child> children;
  for (unsigned child = 0; child < 4; ++child) {
    children.emplace_back(Who{}, [&at, child](Channel&) {
      const Fd file(open(at / "f", O_RDWR));
      const std::string data = random_bytes(1000, child);
      // Interleaved and not page-aligned, so that neighbours share pages.
      for (int i = 0; i < 200; ++i) {
        EXPECT_EQ(pwrite(file.get(), data.data(), 1000, (i * 4 + static_cast<int>(child)) * 1000),
                  1000);
      }
    });
  }
  for (Child& child : children) {
    child.join();
  }
  at.content("f", at / "f");
}

PARITY(ParityIo, SendfileAndSpliceWork) {
  make_file(at / "source", random_bytes(200'000, 9));
  const Fd source(open(at / "source", O_RDONLY));
  const Fd target(open(at / "target", O_CREAT | O_RDWR, 0644));
  ssize_t sent = 0;
  for (ssize_t got = 1; got > 0; sent += got) {
    got = sendfile(target.get(), source.get(), nullptr, 200'000);
  }
  at.note("sendfile", sent);
  at.content("target", at / "target");
  int pipes[2];
  at.call("pipe", pipe(pipes));
  const Fd out(pipes[0]);
  const Fd in(pipes[1]);
  off_t from = 100;
  at.call("splice from", splice(source.get(), &from, in.get(), nullptr, 4096, 0));
  off_t to = 7;
  at.call("splice into", splice(out.get(), nullptr, target.get(), &to, 4096, 0));
  at.content("target", at / "target");
}

}  // namespace
}  // namespace scratchfs::harness

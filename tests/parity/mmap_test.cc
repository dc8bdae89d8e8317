// Memory-mapped files and their agreement with read and write.
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <string>

#include "tests/mounted/harness/fd.h"
#include "tests/mounted/harness/parity.h"
#include "tests/units.h"

namespace scratchfs::harness {
namespace {

class Mapping {
 public:
  Mapping(int fd, std::size_t length, int protection, int flags)
      : length_(length), memory_(mmap(nullptr, length, protection, flags, fd, 0)), error_(errno) {}
  ~Mapping() {
    if (valid()) {
      munmap(memory_, length_);
    }
  }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  bool valid() const { return memory_ != MAP_FAILED; }
  std::string outcome() const { return valid() ? "mapped" : errno_name(error_); }
  char* bytes() const { return static_cast<char*>(memory_); }
  std::string_view text() const { return {bytes(), length_}; }
  int sync() const { return msync(memory_, length_, MS_SYNC); }

 private:
  std::size_t length_;
  void* memory_;
  int error_;
};

bool at_least_mapped(Place& at, const Mapping& map) {
  at.note("mmap", map.outcome());
  return map.valid();
}

constexpr int kBoth = PROT_READ | PROT_WRITE;

PARITY(ParityMmap, ASharedMappingShowsWhatIsWritten) {
  make_file(at / "f", random_bytes(10 * kPage, 1));
  const Fd file(open(at / "f", O_RDWR));
  const Fd other(open(at / "f", O_RDWR));
  const Mapping map(file.get(), 10 * kPage, kBoth, MAP_SHARED);
  if (!at_least_mapped(at, map)) {
    return;
  }
  at.bytes("mapped", map.text());
  at.call("write through another descriptor", pwrite(other.get(), "written", 7, 3 * kPage + 5));
  at.bytes("mapped", map.text());
  std::memcpy(map.bytes() + 5 * kPage, "stored", 6);
  char text[6] = {};
  at.call("read through another descriptor", pread(other.get(), text, 6, 5 * kPage));
  at.bytes("read", std::string_view(text, 6));
  at.call("msync", map.sync());
  at.content("f", at / "f");
}

PARITY(ParityMmap, StoresStayAfterMunmapAndClose) {
  {
    const Fd file(open(at / "f", O_CREAT | O_RDWR, 0644));
    ftruncate(file.get(), 20 * kPage);
    const Mapping map(file.get(), 20 * kPage, kBoth, MAP_SHARED);
    if (!at_least_mapped(at, map)) {
      return;
    }
    const std::string data = random_bytes(20 * kPage, 2);
    std::memcpy(map.bytes(), data.data(), data.size());
  }
  at.content("f", at / "f");
  at.stat("f", at / "f");
}

PARITY(ParityMmap, StoresIntoHolesAreKept) {
  const Fd file(open(at / "f", O_CREAT | O_RDWR, 0644));
  ftruncate(file.get(), 100 * kPage);
  const Mapping map(file.get(), 100 * kPage, kBoth, MAP_SHARED);
  if (!at_least_mapped(at, map)) {
    return;
  }
  map.bytes()[50 * kPage + 17] = 'x';
  at.call("msync", map.sync());
  at.content("f", at / "f");
  at.blocks("one page", at / "f");
}

PARITY(ParityMmap, APrivateMappingKeepsItsStoresToItself) {
  make_file(at / "f", std::string(3 * kPage, 'a'));
  const Fd file(open(at / "f", O_RDONLY));
  const Mapping map(file.get(), 3 * kPage, kBoth, MAP_PRIVATE);
  if (!at_least_mapped(at, map)) {
    return;
  }
  map.bytes()[kPage] = 'b';
  at.content("f", at / "f");
  const Fd writer(open(at / "f", O_WRONLY));
  pwrite(writer.get(), "c", 1, 2 * kPage);
  at.bytes("mapped", map.text());
}

PARITY(ParityMmap, AMappingLivesWithoutDescriptorAndName) {
  Fd file(open(at / "f", O_CREAT | O_RDWR, 0644));
  ftruncate(file.get(), 4 * kPage);
  const Mapping map(file.get(), 4 * kPage, kBoth, MAP_SHARED);
  if (!at_least_mapped(at, map)) {
    return;
  }
  file.close();
  at.call("unlink", unlink(at / "f"));
  std::memset(map.bytes(), 'x', 4 * kPage);
  at.call("msync", map.sync());
  at.bytes("mapped", map.text());
}

PARITY(ParityMmap, AsksForTheRightDescriptor) {
  make_file(at / "f", std::string(kPage, 'a'));
  mkdir(at / "d", 0755);
  const Fd reader(open(at / "f", O_RDONLY));
  const Fd writer(open(at / "f", O_WRONLY));
  const Fd directory(open(at / "d", O_RDONLY));
  at.note("writable of a reader", Mapping(reader.get(), kPage, kBoth, MAP_SHARED).outcome());
  at.note("readable of a reader", Mapping(reader.get(), kPage, PROT_READ, MAP_SHARED).outcome());
  at.note("of a writer", Mapping(writer.get(), kPage, PROT_WRITE, MAP_SHARED).outcome());
  at.note("of a directory", Mapping(directory.get(), kPage, PROT_READ, MAP_SHARED).outcome());
  const Fd direct(open(at / "f", O_RDWR | at.direct()));
  at.note("of an O_DIRECT descriptor", Mapping(direct.get(), kPage, kBoth, MAP_SHARED).outcome());
}

PARITY(ParityMmap, DirectIoAndAMappingAgree) {
  make_file(at / "f", std::string(8 * kPage, 'a'));
  const Fd file(open(at / "f", O_RDWR | at.direct()));
  const Mapping map(file.get(), 8 * kPage, kBoth, MAP_SHARED);
  if (!at_least_mapped(at, map)) {
    return;
  }
  at.bytes("before", map.text());
  alignas(kPage) static char page[kPage];
  std::memset(page, 'd', kPage);
  at.call("direct write", pwrite(file.get(), page, kPage, 2 * kPage));
  at.bytes("after", map.text());
  map.bytes()[5 * kPage] = 's';
  at.call("direct read", pread(file.get(), page, kPage, 5 * kPage));
  at.bytes("the store", std::string_view(page, kPage));
}

sigjmp_buf jump;
void jump_back(int) { siglongjmp(jump, 1); }

// Returns "ok" or "SIGBUS". Runs in a child, so that the signal handler affects nothing else.
std::string touch(const char* address) {
  return in_child(Who{}, [&]() -> std::string {
    struct sigaction action {};
    action.sa_handler = jump_back;
    sigaction(SIGBUS, &action, nullptr);
    if (sigsetjmp(jump, 1) != 0) {
      return "SIGBUS";
    }
    static_cast<void>(*static_cast<const volatile char*>(address));
    return "ok";
  });
}

PARITY(ParityMmap, TruncationUnderAMappingCutsIt) {
  const Fd file(open(at / "f", O_CREAT | O_RDWR, 0644));
  const std::string data(10 * kPage, 'x');
  pwrite(file.get(), data.data(), data.size(), 0);
  const Mapping map(file.get(), 10 * kPage, kBoth, MAP_SHARED);
  if (!at_least_mapped(at, map)) {
    return;
  }
  at.note("before", touch(map.bytes() + 8 * kPage));
  at.call("truncate", ftruncate(file.get(), static_cast<off_t>(4 * kPage + 100)));
  at.note("inside", touch(map.bytes() + 3 * kPage));
  at.note("the last page", touch(map.bytes() + 4 * kPage + 200));
  at.note("outside", touch(map.bytes() + 5 * kPage));
  at.bytes("what is left", map.text().substr(0, 5 * kPage));
  at.call("grow", ftruncate(file.get(), static_cast<off_t>(10 * kPage)));
  at.note("inside again", touch(map.bytes() + 8 * kPage));
  at.bytes("zeros", map.text());
}

PARITY(ParityMmap, BytesBehindTheEndDoNotReachTheFile) {
  const Fd file(open(at / "f", O_CREAT | O_RDWR, 0644));
  write(file.get(), "12345", 5);
  {
    const Mapping map(file.get(), kPage, kBoth, MAP_SHARED);
    if (!at_least_mapped(at, map)) {
      return;
    }
    std::memcpy(map.bytes() + 3, "abcdef", 6);
    at.call("msync", map.sync());
  }
  // Does not compare what growing the file then shows: tmpfs brings those bytes back, other file
  // systems show zeros.
  at.content("f", at / "f");
}

PARITY(ParityMmap, TwoProcessesShareAMapping) {
  const Fd file(open(at / "f", O_CREAT | O_RDWR, 0644));
  ftruncate(file.get(), 4 * kPage);
  const Mapping map(file.get(), 4 * kPage, kBoth, MAP_SHARED);
  if (!at_least_mapped(at, map)) {
    return;
  }
  check_in_child(Who{}, [&] {
    const Fd own(open(at / "f", O_RDWR));
    const Mapping theirs(own.get(), 4 * kPage, kBoth, MAP_SHARED);
    if (!at_least_mapped(at, theirs)) {
      return;
    }
    std::memcpy(theirs.bytes() + kPage, "from the child", 14);
  });
  at.bytes("seen by the parent", map.text());
}

PARITY(ParityMmap, TimesMoveWithStores) {
  const Fd file(open(at / "f", O_CREAT | O_RDWR, 0644));
  ftruncate(file.get(), 4 * kPage);
  at.moved("a store and msync", at / "f", [&] {
    const Mapping map(file.get(), 4 * kPage, kBoth, MAP_SHARED);
    if (!at_least_mapped(at, map)) {
      return;
    }
    map.bytes()[0] = 'x';
    map.sync();
  });
}

PARITY(ParityMmap, AProgramRunsFromTheFileSystem) {
  at.call("cp", run({"cp", "/bin/true", (at / "true").text()}).code);
  at.call("run it", run({(at / "true").text()}).code);
  const Fd writer(open(at / "true", O_WRONLY));
  at.call("not while it is open for writing", run({(at / "true").text()}).code);
}

// For lseek(2), copies and st_blocks: runs `body` with a mapping that stores into a hole.
void make_mapped(Place& at, const Fd& file, const std::function<void(const Mapping&)>& body) {
  ftruncate(file.get(), 256 * kPage);
  const Mapping map(file.get(), 256 * kPage, kBoth, MAP_SHARED);
  if (!at_least_mapped(at, map)) return;
  std::memcpy(map.bytes() + 10 * kPage, "stored", 6);
  body(map);
}

// Notes where data is reported to begin and to end: neither may take data for a hole.
void note_data(Place& at, const char* path) {
  const Fd file(open(path, O_RDONLY));
  const off_t data = lseek(file.get(), 0, SEEK_DATA);
  at.note("data begins before the store", data >= 0 && data <= 10 * off_t{kPage});
  const off_t hole = lseek(file.get(), 10 * off_t{kPage}, SEEK_HOLE);
  at.note("the hole is behind it", hole >= 11 * off_t{kPage});
  at.call("beyond the end", lseek(file.get(), 256 * off_t{kPage}, SEEK_DATA));
}

PARITY(ParityMmap, ACopyHasWhatWasStoredIntoAHoleThatIsMapped) {
  const Fd file(open(at / "f", O_CREAT | O_RDWR, 0644));
  make_mapped(at, file, [&](const Mapping& map) {
    const std::string in = "cd " + at.root().text() + " && ";
    // Runs first: tar relies on st_blocks, and any read makes the kernel write back.
    std::system((in + "tar -cSf a.tar f 2>tar.log; tar -xOf a.tar f >untarred").c_str());
    at.content("untarred", at / "untarred");
    std::memcpy(map.bytes() + 20 * kPage, "again", 5);
    note_data(at, at / "f");
    at.call("cp", std::system((in + "cp f copy").c_str()));
    at.content("copy", at / "copy");
    const Fd target(open(at / "target", O_CREAT | O_WRONLY, 0644));
    off_t from = 0;
    at.call("copy_file_range",
            copy_file_range(file.get(), &from, target.get(), nullptr, 256 * kPage, 0));
    at.content("target", at / "target");
  });
}

PARITY(ParityMmap, SoDoesOneOfAFileWhoseHolesWereReadBefore) {
  make_file(at / "f", "");
  truncate(at / "f", 256 * kPage);
  const Fd reader(open(at / "f", O_RDONLY));
  char text[kPage] = {};
  at.call("read", pread(reader.get(), text, kPage, 10 * kPage));
  const Fd file(open(at / "f", O_RDWR));
  make_mapped(at, file, [&](const Mapping&) {
    note_data(at, at / "f");
    at.call("cp", std::system(("cd " + at.root().text() + " && cp f copy").c_str()));
    at.content("copy", at / "copy");
  });
}

PARITY(ParityMmap, HolesAreFoundAgainOnceNobodyMapsTheFile) {
  {
    const Fd file(open(at / "f", O_CREAT | O_RDWR, 0644));
    make_mapped(at, file, [](const Mapping&) {});
  }
  const Fd file(open(at / "f", O_RDONLY));
  at.call("data", lseek(file.get(), 0, SEEK_DATA));
  at.call("hole", lseek(file.get(), 10 * kPage, SEEK_HOLE));
  at.blocks("blocks", at / "f");
}

}  // namespace
}  // namespace scratchfs::harness

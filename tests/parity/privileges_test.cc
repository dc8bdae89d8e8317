// How changes to a file affect its privileges: the set-id bits and the file capabilities.
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/falloc.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <functional>
#include <string>
#include <string_view>

#include "tests/mounted/harness/fd.h"
#include "tests/mounted/harness/parity.h"

namespace scratchfs::harness {
namespace {

constexpr const char* kCapabilities = "security.capability";

struct Change {
  const char* name;
  long (*make)(const char* path);
};

long write_through(const char* path, int flags) {
  alignas(4096) static char page[4096];
  const Fd file(open(path, O_WRONLY | flags));
  return file.valid() ? write(file.get(), page, sizeof(page)) : -1;
}

// The file's first handle decides whether writes bypass the page cache.
long write_beside_a_reader(const char* path) {
  const Fd reader(open(path, O_RDONLY));
  char first = 0;
  if (!reader.valid() || read(reader.get(), &first, 1) != 1) return -1;
  return write_through(path, 0);
}

long call_fallocate(const char* path, int mode) {
  const Fd file(open(path, O_WRONLY));
  return file.valid() ? fallocate(file.get(), mode, 0, 8192) : -1;
}

long store_through_a_mapping(const char* path) {
  const Fd file(open(path, O_RDWR));
  if (!file.valid()) return -1;
  void* mapping = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file.get(), 0);
  if (mapping == MAP_FAILED) return -1;
  *static_cast<char*>(mapping) = 'm';
  const int synced = msync(mapping, 4096, MS_SYNC);
  munmap(mapping, 4096);
  return synced;
}

// Runs `copy(to, from)` with a file next to it as the source.
template <typename Copy>
long copy_into(const char* path, Copy copy) {
  const Fd from(open((std::string(path) + ".source").c_str(), O_RDONLY));
  const Fd to(open(path, O_WRONLY));
  return from.valid() && to.valid() ? copy(to.get(), from.get()) : -1;
}

constexpr Change kChanges[] = {
    {"write", [](const char* path) { return write_through(path, 0); }},
    {"O_APPEND", [](const char* path) { return write_through(path, O_APPEND); }},
    {"O_DIRECT", [](const char* path) { return write_through(path, O_DIRECT); }},
    {"write beside a reader", write_beside_a_reader},
    {"write of nothing",
     [](const char* path) {
       const Fd file(open(path, O_WRONLY));
       return file.valid() ? write(file.get(), "", 0) : -1L;
     }},
    {"truncate", [](const char* path) -> long { return truncate(path, 3); }},
    {"truncate to the same size", [](const char* path) -> long { return truncate(path, 10000); }},
    {"truncate to nothing", [](const char* path) -> long { return truncate(path, 0); }},
    {"ftruncate",
     [](const char* path) -> long {
       const Fd file(open(path, O_WRONLY));
       return file.valid() ? ftruncate(file.get(), 5) : -1;
     }},
    {"O_TRUNC",
     [](const char* path) -> long { return Fd(open(path, O_WRONLY | O_TRUNC)).valid() ? 0 : -1; }},
    {"O_CREAT | O_TRUNC",
     [](const char* path) -> long {
       return Fd(open(path, O_CREAT | O_WRONLY | O_TRUNC, 0600)).valid() ? 0 : -1;
     }},
    {"fallocate", [](const char* path) { return call_fallocate(path, 0); }},
    {"fallocate beyond",
     [](const char* path) { return call_fallocate(path, FALLOC_FL_KEEP_SIZE); }},
    {"a punched hole",
     [](const char* path) {
       return call_fallocate(path, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE);
     }},
    {"copy_file_range",
     [](const char* path) {
       return copy_into(path, [](int to, int from) {
         return copy_file_range(from, nullptr, to, nullptr, 4096, 0);
       });
     }},
    {"sendfile",
     [](const char* path) {
       return copy_into(path, [](int to, int from) { return sendfile(to, from, nullptr, 4096); });
     }},
    {"a store through a mapping", store_through_a_mapping},
    {"a mere open",
     [](const char* path) -> long { return Fd(open(path, O_RDWR)).valid() ? 0 : -1; }},
    {"chmod to what it is", [](const char* path) -> long { return chmod(path, 0706); }},
    {"chown", [](const char* path) -> long { return chown(path, kBob, kBob); }},
};

// With only the mode requested, statx(2) lets the kernel answer from its cache, as execve(2) does.
void note_mode(Place& at, const std::string& what, const char* path) {
  struct statx info {};
  at.call(what + ": statx", statx(AT_FDCWD, path, 0, STATX_MODE, &info));
  at.note(what + ": mode alone", info.stx_mode);
  at.stat(what, path);
}

void make_files(const Path& file) {
  make_file(file, std::string(10000, 'x'));
  make_file((file.text() + ".source").c_str(), std::string(10000, 's'), 0644);
}

void try_all(Place& at, mode_t mode, const std::function<void(const std::function<void()>&)>& as) {
  int number = 0;
  for (const Change& change : kChanges) {
    const Path file = at / std::to_string(++number);
    make_files(file);
    chmod(file, mode);
    const std::string what = std::string(change.name) + ", " + std::to_string(mode);
    as([&] { at.call(what, change.make(file)); });
    note_mode(at, what, file);
    // A later query must not give another answer.
    note_mode(at, what + ", again", file);
    unlink(file);
  }
}

PARITY(ParityPrivileges, SetIdBitsThatAUsersChangeClearsAreGoneAtOnce) {
  for (const mode_t mode : {06777U, 04777U, 02777U})
    try_all(at, mode, [&](const std::function<void()>& action) { at.as(as_user(kAlice), action); });
}

PARITY(ParityPrivileges, SetIdBitsStayWhereRootChangesTheFile) {
  for (const mode_t mode : {06755U, 02755U, 02745U})
    try_all(at, mode, [](const std::function<void()>& action) { action(); });
}

PARITY(ParityPrivileges, SetIdBitsGoWithAFileThatStaysOpen) {
  make_files(at / "f");
  chmod(at / "f", 06777);
  const Fd open_all_along(open(at / "f", O_RDWR));
  note_mode(at, "before", at / "f");
  at.as(as_user(kAlice), [&] { at.call("write", write_through(at / "f", 0)); });
  note_mode(at, "after a write", at / "f");
  chmod(at / "f", 06777);
  at.as(as_user(kAlice), [&] { at.call("write", write(open_all_along.get(), "x", 1)); });
  note_mode(at, "after a write through root's descriptor", at / "f");
}

void set_capabilities(Place& at, const std::string& what, const char* path) {
  vfs_cap_data capabilities{};
  capabilities.magic_etc = VFS_CAP_REVISION_2 | VFS_CAP_FLAGS_EFFECTIVE;
  capabilities.data[0].permitted = 1U << CAP_NET_RAW;
  at.call(what + ": set", setxattr(path, kCapabilities, &capabilities, sizeof(capabilities), 0));
}

void try_capabilities(Place& at, const std::string& who,
                      const std::function<void(const std::function<void()>&)>& as) {
  int number = 0;
  for (const Change& change : kChanges) {
    const Path file = at / (who + std::to_string(++number));
    make_files(file);
    chmod(file, 0777);
    const std::string what = std::string(change.name) + " by " + who;
    set_capabilities(at, what, file);
    as([&] { at.call(what, change.make(file)); });
    at.call(what + ": capabilities", getxattr(file, kCapabilities, nullptr, 0));
    // Again, because the kernel may have cached the first lookup.
    set_capabilities(at, what + " again", file);
    as([&] { at.call(what + " again", change.make(file)); });
    at.call(what + " again: capabilities", getxattr(file, kCapabilities, nullptr, 0));
    unlink(file);
  }
}

PARITY(ParityPrivileges, CapabilitiesDoNotOutliveAChange) {
  try_capabilities(at, "root", [](const std::function<void()>& action) { action(); });
  try_capabilities(at, "alice",
                   [&](const std::function<void()>& action) { at.as(as_user(kAlice), action); });
}

}  // namespace
}  // namespace scratchfs::harness

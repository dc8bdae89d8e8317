// Preloaded into a daemon (LD_PRELOAD, ld.so(8)): simulates a kernel before 6.6. Removes from INIT
// the offer to map files whose handles bypass the page cache. The daemon then does not request it,
// so the real kernel does not grant it and behaves like an older one.
#include <dlfcn.h>
#include <linux/fuse.h>
#include <sys/types.h>
#include <cstdint>
#include <cstring>

namespace {

constexpr std::uint32_t kDirectIoAllowMmap = 1U << 4;  // bit 36 in the upper word of the flags

struct Init {
  fuse_in_header header;
  fuse_init_in body;
};

}  // namespace

extern "C" ssize_t read(int fd, void* into, std::size_t size) {
  using Call = ssize_t (*)(int, void*, std::size_t);
  static const auto real = reinterpret_cast<Call>(dlsym(RTLD_NEXT, "read"));
  const ssize_t got = real(fd, into, size);
  Init init{};
  if (got != static_cast<ssize_t>(sizeof init)) return got;
  std::memcpy(&init, into, sizeof init);
  if (init.header.len != sizeof init || init.header.opcode != FUSE_INIT) return got;
  init.body.flags2 &= ~kDirectIoAllowMmap;
  std::memcpy(into, &init, sizeof init);
  return got;
}

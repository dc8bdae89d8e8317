#include "fs/base/read_all.h"

#include <unistd.h>

#include <array>
#include <cerrno>

namespace scratchfs::base {

Result<std::string> read_all(const Descriptor& file, std::size_t most) {
  std::string text;
  std::array<char, 65536> buffer{};
  for (;;) {
    const ssize_t got = ::read(file.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Errno(errno);
    if (got == 0) return text;
    text.append(buffer.data(), static_cast<std::size_t>(got));
    if (text.size() > most) return Errno(EFBIG);
  }
}

}  // namespace scratchfs::base

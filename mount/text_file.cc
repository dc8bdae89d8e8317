#include "mount/text_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "fs/base/descriptor.h"

namespace scratchfs::mount {

namespace {

constexpr std::size_t kLargest = 16 << 20;  // bytes

base::Failure failure(const std::string& path, int error) {
  return base::Failure{path + ": " + strerrordesc_np(error)};
}

}  // namespace

base::Result<std::string, base::Failure> read_text_file(const std::string& path) {
  const base::Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  struct stat status {};
  if (!file.valid() || ::fstat(file.get(), &status) != 0) return failure(path, errno);
  if (!S_ISREG(status.st_mode)) return base::Failure{path + ": is no regular file"};
  std::string text;
  std::array<char, 65536> buffer{};
  for (;;) {
    const ssize_t got = ::read(file.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return failure(path, errno);
    if (got == 0) return text;
    text.append(buffer.data(), static_cast<std::size_t>(got));
    if (text.size() > kLargest) return base::Failure{path + ": is larger than 16M"};
  }
}

}  // namespace scratchfs::mount

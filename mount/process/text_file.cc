#include "mount/process/text_file.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "fs/base/descriptor.h"
#include "fs/base/read_all.h"

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
  auto text = base::read_all(file, kLargest);
  if (text) return std::move(*text);
  if (text.is(base::Errno(EFBIG))) return base::Failure{path + ": is larger than 16M"};
  return failure(path, text.error().value());
}

}  // namespace scratchfs::mount

#include "mount/process/private_directory.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <utility>

namespace scratchfs::mount {

namespace {

std::string parent_directory() {
  const char* runtime =
      std::getenv("XDG_RUNTIME_DIR");  // NOLINT(concurrency-mt-unsafe): no threads
  struct stat status {};
  // After sudo the variable may name another user's directory.
  if (runtime != nullptr && runtime[0] == '/' && ::stat(runtime, &status) == 0 &&
      S_ISDIR(status.st_mode) && status.st_uid == ::geteuid())
    return runtime;
  return "/tmp";
}

}  // namespace

Outcome<PrivateDirectory> PrivateDirectory::make() {
  std::string path = parent_directory() + "/scratchfs-run.XXXXXX";
  if (::mkdtemp(path.data()) == nullptr) return failed(path, errno);
  base::Descriptor directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (directory.valid()) return PrivateDirectory(std::move(path), std::move(directory));
  const int error = errno;
  ::rmdir(path.c_str());
  return failed(path, error);
}

PrivateDirectory& PrivateDirectory::operator=(PrivateDirectory&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(directory_, other.directory_);
  return *this;
}

PrivateDirectory::~PrivateDirectory() {
  if (directory_.valid()) ::rmdir(path_.c_str());
}

void PrivateDirectory::seal() const {
  // Failure does no harm: the directory stays inaccessible to other users.
  (void)::fchmod(directory_.get(), 0500);
}

}  // namespace scratchfs::mount

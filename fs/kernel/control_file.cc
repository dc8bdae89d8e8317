#include "fs/kernel/control_file.h"

#include <sys/stat.h>

namespace scratchfs::kernel {

tree::Attributes ControlFile::attributes(uid_t owner) const {
  tree::Attributes result;
  result.id = kControlId;
  result.mode = S_IFREG | 0666;  // anyone may ask; what is answered depends on who
  result.links = 1;
  result.uid = owner;
  result.accessed = result.modified = result.changed = result.born = born_;
  return result;
}

base::Result<std::uint64_t> ControlFile::open() {
  base::Lock lock(mutex_);
  if (answers_.size() >= kMaxControlHandles) return base::Errno(ENFILE);
  const std::uint64_t handle = next_++;
  answers_.emplace(handle, std::string());
  return handle;
}

void ControlFile::release(std::uint64_t handle) {
  base::Lock lock(mutex_);
  answers_.erase(handle);
}

base::Result<std::size_t> ControlFile::write(std::uint64_t handle, std::string_view request,
                                             uid_t caller) {
  if (request.size() > kMaxControlRequest) return base::Errno(EMSGSIZE);
  std::string answer = handler_({.text = request, .uid = caller});
  base::Lock lock(mutex_);
  const auto at = answers_.find(handle);
  if (at == answers_.end()) return base::Errno(EBADF);
  at->second = std::move(answer);
  return request.size();
}

base::Result<std::string> ControlFile::read(std::uint64_t handle, std::size_t size,
                                            std::uint64_t offset) const {
  base::Lock lock(mutex_);
  const auto at = answers_.find(handle);
  if (at == answers_.end()) return base::Errno(EBADF);
  if (offset >= at->second.size()) return std::string();
  return at->second.substr(offset, size);
}

}  // namespace scratchfs::kernel

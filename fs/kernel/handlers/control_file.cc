#include "fs/kernel/handlers/control_file.h"

#include <sys/stat.h>

namespace scratchfs::kernel {

tree::Attributes ControlFile::attributes(uid_t owner) const {
  tree::Attributes result;
  result.id = kControlId;
  result.mode = S_IFREG | 0666;  // anyone may send requests; the answer depends on the opener
  result.links = 1;
  result.uid = owner;
  result.accessed = result.modified = result.changed = result.born = born_;
  return result;
}

bool ControlFile::has_room(uid_t uid) const {
  if (!is_limited(uid)) return true;
  const auto at = open_.find(uid);
  return all_open_ < kMaxControlHandlesOfAll &&
         (at == open_.end() || at->second < kMaxControlHandles);
}

base::Result<std::uint64_t> ControlFile::open(const tree::Caller& opener) {
  base::Lock lock(mutex_);
  if (!has_room(opener.uid)) return base::Errno(ENFILE);
  std::size_t* const open = is_limited(opener.uid) ? &open_[opener.uid] : nullptr;
  const std::uint64_t handle = next_++;
  handles_.emplace(handle, Handle{.uid = opener.uid, .thread = opener.pid, .answer = {}});
  if (open == nullptr) return handle;
  ++*open;
  ++all_open_;
  return handle;
}

void ControlFile::release(std::uint64_t handle) {
  base::Lock lock(mutex_);
  const auto at = handles_.find(handle);
  if (at == handles_.end()) return;
  const uid_t uid = at->second.uid;
  handles_.erase(at);
  if (!is_limited(uid)) return;
  if (--open_[uid] == 0) open_.erase(uid);
  --all_open_;
}

base::Result<std::size_t> ControlFile::write(std::uint64_t handle, std::string_view request) {
  if (request.size() > kMaxControlRequest) return base::Errno(EMSGSIZE);
  base::Lock lock(mutex_);
  const auto opened = handles_.find(handle);
  if (opened == handles_.end()) return base::Errno(EBADF);
  const ControlRequest asked{
      .text = request, .uid = opened->second.uid, .thread = opened->second.thread};
  lock.unlock();
  std::string answer = handler_(asked);
  lock.lock();
  const auto at = handles_.find(handle);  // it may have been closed meanwhile
  if (at == handles_.end()) return base::Errno(EBADF);
  at->second.answer = std::move(answer);
  return request.size();
}

base::Result<std::string> ControlFile::read(std::uint64_t handle, std::size_t size,
                                            std::uint64_t offset) {
  base::Lock lock(mutex_);
  const auto at = handles_.find(handle);
  if (at == handles_.end()) return base::Errno(EBADF);
  std::string& answer = at->second.answer;
  if (offset < answer.size()) return answer.substr(offset, size);
  std::string().swap(answer);
  return std::string();
}

}  // namespace scratchfs::kernel

#include "mount/control/client.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "fs/base/descriptor.h"
#include "fs/base/read_all.h"
#include "fs/kernel/handlers/control.h"
#include "mount/process/progress.h"

namespace scratchfs::mount {

namespace {

Refusal cannot_open(const std::string& mountpoint, int error) {
  switch (error) {
    case ENOENT:
    case ENOTDIR:
      return failed(mountpoint + ": no scratchfs is mounted there");
    case ENOTCONN:
      return failed(mountpoint + ": its daemon is gone; detach it with: scratchfs umount " +
                    mountpoint);
    case EACCES:
      return failed(mountpoint + ": belongs to another user and is not shared with you");
    default:
      return failed(mountpoint, error);
  }
}

// Bytes. Limits the reply, because any user can mount a file system that claims to be a scratchfs.
constexpr std::size_t kLongestAnswer = 64 << 20;

base::Result<void> send(const base::Descriptor& file, const std::string& request) {
  const ssize_t written = ::pwrite(file.get(), request.data(), request.size(), 0);
  if (written < 0) return base::Errno(errno);
  if (static_cast<std::size_t>(written) != request.size()) return base::Errno(EMSGSIZE);
  return {};
}

base::Result<void> send_by_ioctl(const base::Descriptor& file, const std::string& request) {
  if (request.size() > kernel::kMaxControlIoctl) return base::Errno(EMSGSIZE);
  const unsigned command = kernel::control_command(request.size());
  if (::ioctl(file.get(), command, request.data()) != 0) return base::Errno(errno);
  return {};
}

Outcome<std::string> talk(const std::string& mountpoint, const std::string& request) {
  const std::string path = mountpoint + "/" + kernel::kControlName;
  constexpr int kFlags = O_CLOEXEC | O_NOFOLLOW;
  base::Descriptor file(::open(path.c_str(), O_RDWR | kFlags));
  const bool is_read_only = !file.valid() && errno == EROFS;
  if (is_read_only) file = base::Descriptor(::open(path.c_str(), O_RDONLY | kFlags));
  if (!file.valid()) return cannot_open(mountpoint, errno);
  const auto sent = is_read_only ? send_by_ioctl(file, request) : send(file, request);
  if (sent.is(base::Errno(EMSGSIZE))) return failed(mountpoint + ": the request is too long");
  if (!sent) return failed(mountpoint, sent.error().value());
  auto answer = base::read_all(file, kLongestAnswer);
  if (answer) return std::move(*answer);
  if (answer.is(base::Errno(EFBIG))) return failed(mountpoint + ": its reply is too long");
  return failed(mountpoint, answer.error().value());
}

}  // namespace

template <typename Reply>
Outcome<Answer<Reply>> ask_daemon(const std::string& mountpoint, const Request& request) {
  auto text = talk(mountpoint, write_request(request));
  if (!text) return text.error();
  auto reply = read_reply<Reply>(*text);
  if (!reply) return failed(mountpoint + ": " + reply.error().message);
  return Answer<Reply>{std::move(*reply), std::move(*text)};
}

template <typename Reply>
Outcome<Answer<Reply>> ask_daemon_visibly(const std::string& mountpoint, const Request& request) {
  const Progress progress("waiting for the daemon to answer");
  return ask_daemon<Reply>(mountpoint, request);
}

template Outcome<Answer<About>> ask_daemon(const std::string&, const Request&);
template Outcome<Answer<Top>> ask_daemon(const std::string&, const Request&);
template Outcome<Answer<Status>> ask_daemon_visibly(const std::string&, const Request&);
template Outcome<Answer<Top>> ask_daemon_visibly(const std::string&, const Request&);
template Outcome<Answer<Quota>> ask_daemon_visibly(const std::string&, const Request&);
template Outcome<Answer<OptionsSet>> ask_daemon_visibly(const std::string&, const Request&);

}  // namespace scratchfs::mount

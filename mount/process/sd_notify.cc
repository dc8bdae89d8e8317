#include "mount/process/sd_notify.h"

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "fs/base/descriptor.h"
#include "fs/base/log.h"
#include "fs/base/number.h"

namespace scratchfs::mount {

namespace {

std::string_view variable(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): no other thread yet
  return value == nullptr ? std::string_view() : value;
}

std::optional<long long> number_in(const char* name) {
  return base::parse_number<long long>(variable(name));
}

std::optional<std::chrono::milliseconds> watchdog_period() {
  const auto wanted = number_in("WATCHDOG_USEC");
  if (!wanted || *wanted <= 0) return std::nullopt;
  const auto whom = number_in("WATCHDOG_PID");
  if (whom && *whom != ::getpid()) return std::nullopt;
  const auto half =
      std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::microseconds(*wanted) / 2);
  return std::max(half, std::chrono::milliseconds(1));
}

}  // namespace

ServiceManager ServiceManager::from_environment() {
  ServiceManager manager;
  std::string address(variable("NOTIFY_SOCKET"));
  if (address.empty() || address.size() >= sizeof(sockaddr_un::sun_path)) return manager;
  if (address[0] != '/' && address[0] != '@') return manager;
  if (address[0] == '@') address[0] = '\0';  // unix(7): the abstract namespace
  manager.socket_ = std::move(address);
  manager.watchdog_ = watchdog_period();
  return manager;
}

void ServiceManager::tell(const std::string& message, std::chrono::milliseconds timeout) const {
  if (socket_.empty()) return;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, socket_.data(), socket_.size());
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + socket_.size());
  const base::Descriptor socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const timeval limit{.tv_sec = timeout.count() / 1000, .tv_usec = timeout.count() % 1000 * 1000};
  // A send timeout of 0 means no timeout (socket(7)).
  const int flags = MSG_NOSIGNAL | (timeout.count() == 0 ? MSG_DONTWAIT : 0);
  if (!socket.valid() ||
      ::setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) != 0 ||
      ::sendto(socket.get(), message.data(), message.size(), flags,
               reinterpret_cast<const sockaddr*>(&address), length) < 0) {
    log::warn("the service manager cannot be told {}: {}", message, strerrordesc_np(errno));
  }
}

}  // namespace scratchfs::mount

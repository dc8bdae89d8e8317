// What the service manager that started the daemon wants to hear: sd_notify(3) of systemd, by the
// protocol that its man page lays down for good.
#pragma once

#include <chrono>
#include <optional>
#include <string>

namespace scratchfs::mount {

class ServiceManager {
 public:
  ServiceManager() = default;  // nobody listens

  // What $NOTIFY_SOCKET says, and $WATCHDOG_USEC if $WATCHDOG_PID is this process. Before there is
  // any other thread.
  static ServiceManager from_environment();

  bool listens() const { return !socket_.empty(); }

  // Assignments such as READY=1, one a line. Where too much is waiting to be heard already, waits
  // that long at most. Nothing happens where nobody listens or nobody hears: the mount is worth
  // more than the message.
  void tell(const std::string& message,
            std::chrono::milliseconds patience = std::chrono::seconds(5)) const;

  // How often to say WATCHDOG=1 while all is well: half of what the manager waits. Nothing: it does
  // not watch.
  std::optional<std::chrono::milliseconds> watchdog() const { return watchdog_; }

 private:
  std::string socket_;  // as in sockaddr_un: the path, or a zero byte and the name; empty: nobody
  std::optional<std::chrono::milliseconds> watchdog_;
};

}  // namespace scratchfs::mount

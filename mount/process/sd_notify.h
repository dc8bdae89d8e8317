// Notifies the service manager that started the daemon, by the sd_notify(3) protocol of systemd,
// which its man page declares stable.
#pragma once

#include <chrono>
#include <optional>
#include <string>

namespace scratchfs::mount {

class ServiceManager {
 public:
  ServiceManager() = default;  // no service manager: notifications are dropped

  // Reads $NOTIFY_SOCKET, and $WATCHDOG_USEC unless $WATCHDOG_PID names another process.
  // REQUIRES: the process has no other threads.
  static ServiceManager from_environment();

  bool listens() const { return !socket_.empty(); }

  // Sends assignments such as READY=1, one per line. Waits for `timeout` at most while the
  // manager's queue is full. A failure is logged and otherwise ignored: the mount matters more than
  // the message.
  void tell(const std::string& message,
            std::chrono::milliseconds timeout = std::chrono::seconds(5)) const;

  // The interval at which to send WATCHDOG=1 while all is well: half of the manager's timeout.
  // nullopt if the watchdog is off.
  std::optional<std::chrono::milliseconds> watchdog() const { return watchdog_; }

 private:
  // As in sockaddr_un: a path, or a null byte and an abstract name; empty: no service manager.
  std::string socket_;
  std::optional<std::chrono::milliseconds> watchdog_;
};

}  // namespace scratchfs::mount

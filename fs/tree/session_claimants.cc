#include "fs/tree/session_claimants.h"

#include <spdlog/spdlog.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include "fs/tree/processes.h"

namespace scratchfs::tree {

namespace {

constexpr ClaimantKey kWake = ~ClaimantKey{0};
constexpr int kRetryMilliseconds = 200;

std::vector<pid_t> living_members(pid_t session) {
  std::vector<pid_t> found;
  for_each_process([&](const Process& process) {
    if (process.session == session && process.is_living()) found.push_back(process.pid);
  });
  return found;
}

}  // namespace

SessionClaimants::SessionClaimants()
    : epoll_(epoll_create1(EPOLL_CLOEXEC)), wake_(eventfd(0, EFD_CLOEXEC)) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = kWake;
  epoll_ctl(epoll_, EPOLL_CTL_ADD, wake_, &event);
}

SessionClaimants::~SessionClaimants() {
  stop();
  base::Lock lock(mutex_);
  for (const auto& [session, fd] : members_) {
    if (fd >= 0) close(fd);
  }
  close(wake_);
  close(epoll_);
}

ClaimantKind::Identity SessionClaimants::identify(pid_t pid) {
  if (pid == 0) return Unknowable{};  // another pid namespace
  const pid_t session = getsid(pid);
  if (session > 0) return static_cast<ClaimantKey>(session);
  if (session < 0 && errno == ESRCH) return Vanished{};
  return Unknowable{};
}

std::vector<std::string> SessionClaimants::describe_now(std::span<const ClaimantKey> sessions) {
  struct Seen {
    std::size_t processes = 0;
    Process oldest{};  // the leader, where it still lives
  };
  std::unordered_map<ClaimantKey, Seen> seen;
  for (const ClaimantKey session : sessions) seen.emplace(session, Seen{});
  for_each_process([&](const Process& process) {
    const auto at = seen.find(static_cast<ClaimantKey>(process.session));
    if (at == seen.end() || !process.is_living()) return;
    Seen& members = at->second;
    if (members.processes++ == 0 || process.started < members.oldest.started)
      members.oldest = process;
  });
  std::vector<std::string> words;
  for (const ClaimantKey session : sessions) {
    const auto& [processes, oldest] = seen[session];
    std::string text = describe(session);
    if (processes > 0) {
      text += " (" + command_of(oldest.pid) + "), " + std::to_string(processes) +
              (processes == 1 ? " process" : " processes");
    }
    words.push_back(std::move(text));
  }
  return words;
}

void SessionClaimants::on_ended(Ended ended) {
  ended_ = std::move(ended);
  thread_ = std::thread([this] { run(); });
}

void SessionClaimants::watch(ClaimantKey session, pid_t pid) {
  {
    base::Lock lock(mutex_);
    if (!members_.try_emplace(session, -1).second) return;
  }
  // The leader usually outlives its children; a thread's id cannot be watched on kernels
  // before 6.9, hence the fallback.
  if (watch_member(session, static_cast<pid_t>(session)) || watch_member(session, pid)) return;
  retry_later(session);
}

bool SessionClaimants::watch_member(ClaimantKey session, pid_t pid) {
  const int fd = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
  if (fd < 0) return false;
  // The number may have been used again: what counts is the process that the descriptor now names.
  if (getsid(pid) != static_cast<pid_t>(session)) {
    close(fd);
    return false;
  }
  base::Lock lock(mutex_);
  const auto at = members_.find(session);
  if (at == members_.end() || at->second >= 0) {  // ended, or watched by another thread meanwhile
    close(fd);
    return true;
  }
  at->second = fd;
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = session;
  if (epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) == 0) return true;
  at->second = -1;
  close(fd);
  return false;
}

void SessionClaimants::retry_later(ClaimantKey session) {
  spdlog::debug("session {}: none of its members can be watched yet", session);
  const std::uint64_t one = 1;
  if (write(wake_, &one, sizeof one) < 0)
    spdlog::error("session watch: cannot wake: {}", std::strerror(errno));
}

void SessionClaimants::member_ended(ClaimantKey session) {
  {
    base::Lock lock(mutex_);
    const auto at = members_.find(session);
    if (at == members_.end()) return;
    if (at->second >= 0) close(at->second);  // closing takes it out of the epoll set
    at->second = -1;
  }
  const auto members = living_members(static_cast<pid_t>(session));
  for (const pid_t pid : members) {
    if (watch_member(session, pid)) return;
  }
  if (!members.empty())
    return;  // living, but not to be watched (no descriptors left): retry_all() asks again
  {
    base::Lock lock(mutex_);
    members_.erase(session);
  }
  ended_(session);
}

void SessionClaimants::retry_all() {
  std::vector<ClaimantKey> unwatched;
  {
    base::Lock lock(mutex_);
    for (const auto& [session, fd] : members_) {
      if (fd < 0) unwatched.push_back(session);
    }
  }
  for (const ClaimantKey session : unwatched) member_ended(session);
}

void SessionClaimants::run() {
  bool unwatched = false;
  while (!stopping_) {
    std::array<epoll_event, 64> events{};
    const int got = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()),
                               unwatched ? kRetryMilliseconds : -1);
    for (int i = 0; i < got && !stopping_; ++i) {
      const ClaimantKey key = events[static_cast<std::size_t>(i)].data.u64;
      if (key != kWake) {
        member_ended(key);
        continue;
      }
      std::uint64_t count = 0;
      if (read(wake_, &count, sizeof count) < 0)
        spdlog::error("session watch: {}", std::strerror(errno));
    }
    if (stopping_) return;
    retry_all();
    base::Lock lock(mutex_);
    unwatched = false;
    for (const auto& [session, fd] : members_) unwatched = unwatched || fd < 0;
  }
}

void SessionClaimants::stop() {
  if (!thread_.joinable()) return;
  stopping_ = true;
  const std::uint64_t one = 1;
  if (write(wake_, &one, sizeof one) < 0)
    spdlog::error("session watch: cannot wake: {}", std::strerror(errno));
  thread_.join();
}

}  // namespace scratchfs::tree

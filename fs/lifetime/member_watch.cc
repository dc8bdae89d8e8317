#include "fs/lifetime/member_watch.h"

#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <new>
#include <utility>

#include "fs/base/log.h"
#include "fs/base/pids.h"

namespace scratchfs::lifetime {

namespace {

using std::chrono::milliseconds;

constexpr ClaimantKey kWake = ~ClaimantKey{0};
// Members end in bursts, and are reaped a moment after they end. Collecting their ends for this
// long answers many with one scan, and mostly with none, because the kernel then says that the
// group is over.
constexpr milliseconds kCollect{20};
constexpr milliseconds kSecondLook{20};
constexpr milliseconds kRetry{200};
constexpr milliseconds kMayHaveLeft{500};

}  // namespace

MemberWatch::MemberWatch(const Membership& membership, std::vector<pid_t> own)
    : membership_(membership),
      own_(std::move(own)),
      epoll_(epoll_create1(EPOLL_CLOEXEC)),
      wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = kWake;
  epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, wake_.get(), &event);
}

void MemberWatch::start(ClaimantEvents events) {
  events_ = std::move(events);
  thread_ = std::thread([this] { run(); });
}

void MemberWatch::stop() {
  if (!thread_.joinable()) return;
  stopping_ = true;
  wake();
  thread_.join();
}

void MemberWatch::wake() { eventfd_write(wake_.get(), 1); }

bool MemberWatch::is_own(pid_t pid) const { return std::ranges::find(own_, pid) != own_.end(); }

void MemberWatch::watch(ClaimantKey group, pid_t pid) {
  {
    base::Lock lock(mutex_);
    if (groups_.contains(group)) return;
    // In this order: settle() expects a group for each entry of unwatched_.
    unwatched_.insert(group);
    groups_.try_emplace(group);
  }
  try {
    const pid_t leader = membership_.leader(group);
    if (leader > 0 && watch_member(group, leader)) return;
    // Without PIDFD_THREAD (Linux 6.9) pidfd_open(2) refuses a thread: try its process as well.
    if (watch_member(group, pid) || watch_member(group, process_of_thread(pid))) return;
  } catch (const std::bad_alloc&) {
    // The claim is made; the watch's thread retries.
  }
  wake();
}

// Watches `pid`. Returns false if it is not a living member of the group, or cannot be watched.
bool MemberWatch::watch_member(ClaimantKey group, pid_t pid) {
  if (pid <= 0 || is_own(pid)) return false;
  base::Descriptor process(base::open_pidfd(pid));
  // The kernel may have reused the number: check the process that the descriptor now refers to.
  if (!process.valid() || !membership_.is_member(pid, group)) return false;
  const bool may_leave = pid != membership_.leader(group);
  base::Lock lock(mutex_);
  const auto at = groups_.find(group);
  // The group has ended, or is watched by now.
  if (at == groups_.end() || at->second.member.valid()) return true;
  if (may_leave) may_lose_.insert(group);
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = group;
  if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, process.get(), &event) != 0) {
    may_lose_.erase(group);
    return false;
  }
  at->second = Group{.member = std::move(process), .pid = pid};
  unwatched_.erase(group);
  if (may_leave) wake();  // the thread must now wait with a timeout
  return true;
}

void MemberWatch::run() {
  pthread_setname_np(pthread_self(), "claims");
  milliseconds pause{0};
  while (!stopping_) {
    if (!shortage_.survives([&] { pause = round(pause); })) pause = kRetry;
  }
}

// Waits until something happens, at most `timeout` (0: no limit), and handles it. Returns the
// `timeout` of the next round.
milliseconds MemberWatch::round(milliseconds timeout) {
  const bool came = gather(timeout, timeout.count() == 0);
  const auto until = Clock::now() + kCollect;
  while (came && !stopping_) {
    const auto left = std::chrono::ceil<milliseconds>(until - Clock::now());
    if (left.count() <= 0) break;
    gather(left, false);
  }
  if (stopping_) return timeout;
  ask_those_who_may_leave();
  const milliseconds pause = settle();
  base::Lock lock(mutex_);
  if (may_lose_.empty()) return pause;
  return pause.count() == 0 ? kMayHaveLeft : std::min(pause, kMayHaveLeft);
}

void MemberWatch::ask_those_who_may_leave() {
  if (Clock::now() - asked_ < kMayHaveLeft) return;
  asked_ = Clock::now();
  std::vector<std::pair<ClaimantKey, pid_t>> members;
  {
    base::Lock lock(mutex_);
    for (const ClaimantKey group : may_lose_) members.emplace_back(group, groups_[group].pid);
  }
  for (const auto& [group, pid] : members) {
    if (!membership_.is_member(pid, group)) member_ended(group);
  }
}

// Waits for members to end. Returns false if none did within `timeout`.
bool MemberWatch::gather(milliseconds timeout, bool forever) {
  std::array<epoll_event, 256> events{};
  const int got = epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()),
                             forever ? -1 : static_cast<int>(timeout.count()));
  for (int i = 0; i < got; ++i) {
    const ClaimantKey key = events[static_cast<std::size_t>(i)].data.u64;
    if (key == kWake) {
      eventfd_t count = 0;
      eventfd_read(wake_.get(), &count);
    } else {
      member_ended(key);
    }
  }
  return got > 0;
}

void MemberWatch::member_ended(ClaimantKey group) {
  base::Lock lock(mutex_);
  const auto at = groups_.find(group);
  if (at == groups_.end() || !at->second.member.valid()) return;
  unwatched_.insert(group);
  at->second.member = base::Descriptor(-1);  // closes it, which removes it from the epoll set
  may_lose_.erase(group);
}

// Checks the groups of which no member is watched. Returns how long to wait before the next check;
// 0: until something happens.
milliseconds MemberWatch::settle() {
  std::vector<Question> unclear;
  std::vector<ClaimantKey> groups;
  std::unordered_set<ClaimantKey> hopeless;
  {
    base::Lock lock(mutex_);
    groups.assign(unwatched_.begin(), unwatched_.end());
    for (const ClaimantKey group : groups) {
      if (groups_[group].unseen) hopeless.insert(group);
    }
  }
  for (const ClaimantKey group : groups) {
    Question question{group, events_.claims(group), {}, {}};
    const auto answer = membership_.ask(group);
    if (answer == Membership::Answer::over) {
      end(question);
    } else if (answer == Membership::Answer::alive) {
      watch_member(group, membership_.leader(group));
    } else if (!hopeless.contains(group)) {
      unclear.push_back(std::move(question));
    }
  }
  milliseconds pause{0};
  if (!unclear.empty()) {
    const auto before = Clock::now();
    const bool all_seen = look(unclear);
    const bool hidden = membership_.hides_members();
    bool again = false;
    for (const Question& question : unclear)
      again = (all_seen && conclude(question, hidden)) || again;
    // Where a scan takes long, scanning uses at most half of one core.
    if (again) pause = kSecondLook + std::chrono::ceil<milliseconds>(Clock::now() - before);
  }
  base::Lock lock(mutex_);
  if (unwatched_.empty()) return milliseconds{0};
  return pause.count() > 0 ? pause : kRetry;
}

// Finds the living members of all groups in question with one scan of /proc. Returns false if, for
// lack of memory or descriptors, not every process could be read; then the scan proves nothing
// about who is missing.
bool MemberWatch::look(std::vector<Question>& questions) {
  ++looks_;
  std::unordered_map<ClaimantKey, Question*> asked;
  for (Question& question : questions) asked.emplace(question.group, &question);
  bool all_seen = true;
  const auto looked = for_each_process([&](const Process& process) {
    const auto groups = membership_.groups_of(process);
    if (!groups) {
      all_seen = all_seen && groups.is(base::Errno(ESRCH));
      return;
    }
    for (const ClaimantKey group : *groups) {
      const auto at = asked.find(group);
      if (at == asked.end()) continue;
      if (process.is_living() && !is_own(process.pid)) {
        at->second->living.push_back(process);
      } else {
        at->second->dead.push_back(process.pid);
      }
    }
  });
  return looked && all_seen;
}

// Watches the oldest living member, which is likely to live longest. Returns true if another scan
// should follow soon.
bool MemberWatch::conclude(const Question& question, bool hidden) {
  std::vector<Process> living = question.living;
  std::ranges::sort(living, {}, &Process::started);
  for (const Process& process : living) {
    if (watch_member(question.group, process.pid)) return false;
  }
  if (!living.empty()) {
    if (const auto omitted = log_.admit())
      log::warn("{}: none of its processes can be watched{}", membership_.describe(question.group),
                base::and_more(*omitted));
  }
  {
    base::Lock lock(mutex_);
    Group& group = groups_[question.group];
    const bool same = group.seen_dead && group.dead == question.dead;
    group.dead = question.dead;  // first: if this throws, nothing has been recorded
    group.seen_dead = living.empty();
    group.unseen = living.empty() && hidden;
    if (!living.empty() || hidden) return false;
    if (!same || (question.dead.empty() && membership_.unclear_means_some())) return true;
  }
  end(question);
  return false;
}

void MemberWatch::end(const Question& question) {
  {
    base::Lock lock(mutex_);
    groups_.erase(question.group);
    unwatched_.erase(question.group);
    may_lose_.erase(question.group);
  }
  if (events_.ended(question.group, question.claims)) return;
  // A process of the group has claimed since: the group exists again, or still.
  while (!stopping_ && !shortage_.survives([&] { ask_again(question.group); })) continue;
}

void MemberWatch::ask_again(ClaimantKey group) {
  base::Lock lock(mutex_);
  if (groups_.contains(group)) return;
  unwatched_.insert(group);
  groups_.try_emplace(group);
}

}  // namespace scratchfs::lifetime

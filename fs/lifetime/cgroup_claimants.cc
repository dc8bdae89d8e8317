#include "fs/lifetime/cgroup_claimants.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>
#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <utility>

#include "fs/base/log.h"
#include "fs/base/printable.h"
#include "fs/base/read_all.h"
#include "fs/mounts/mount.h"

namespace scratchfs::lifetime {

namespace {

using std::chrono::milliseconds;

constexpr ClaimantKey kStop = ~ClaimantKey{0};
constexpr milliseconds kLookAtAll{500};

// Returns an empty string if the file cannot be read.
std::string read_whole(const std::string& path) {
  const base::Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  const auto text = base::read_all(file, SIZE_MAX);
  return text ? *text : std::string();
}

template <typename Visit>
void for_each_line(std::string_view text, Visit visit) {
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    visit(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

// Reads cgroup.events. ENODEV means that the group was removed, which only an empty group can be.
bool is_populated(int events) {
  std::array<char, 256> text{};
  const ssize_t got = pread(events, text.data(), text.size(), 0);
  if (got < 0) return errno != ENODEV;
  return std::string_view(text.data(), static_cast<std::size_t>(got)).find("populated 0") ==
         std::string_view::npos;
}

ClaimantKey inode_of(const std::string& directory) {
  struct stat status {};
  return stat(directory.c_str(), &status) == 0 ? status.st_ino : 0;
}

}  // namespace

CgroupMount find_cgroup_mount(std::string_view mountinfo) {
  CgroupMount found;
  for (mounts::Mount& line : mounts::parse_mount_table(mountinfo)) {
    if (line.type == "cgroup2") found = {std::move(line.path), std::move(line.root)};
  }
  return found;
}

std::string cgroup_directory(const CgroupMount& mount, std::string_view proc_cgroup) {
  constexpr std::string_view kUnified = "0::";  // cgroups(7): the line of the v2 hierarchy
  std::string_view path;
  for_each_line(proc_cgroup, [&](std::string_view line) {
    if (line.starts_with(kUnified)) path = line.substr(kUnified.size());
  });
  constexpr std::string_view kRemoved = " (deleted)";
  if (path.empty() || path.ends_with(kRemoved) || path.starts_with("/..")) return {};
  if (mount.root != "/") {
    if (!path.starts_with(mount.root + "/")) return {};
    path.remove_prefix(mount.root.size());
  }
  return path == "/" ? std::string() : mount.path + std::string(path);
}

base::Result<std::unique_ptr<CgroupClaimants>, base::Failure> CgroupClaimants::create() {
  CgroupMount mount = find_cgroup_mount(read_whole("/proc/self/mountinfo"));
  if (mount.path.empty())
    return base::Failure{"-o claim=cgroup: no cgroup v2 hierarchy is mounted here; see cgroups(7)"};
  return std::unique_ptr<CgroupClaimants>(new CgroupClaimants(std::move(mount)));
}

CgroupClaimants::CgroupClaimants(CgroupMount mount)
    : mount_(std::move(mount)),
      epoll_(epoll_create1(EPOLL_CLOEXEC)),
      stop_(eventfd(0, EFD_CLOEXEC)) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = kStop;
  epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, stop_.get(), &event);
}

std::string CgroupClaimants::directory_of(pid_t pid) const {
  return cgroup_directory(mount_, read_whole("/proc/" + std::to_string(pid) + "/cgroup"));
}

std::string CgroupClaimants::words_for(const std::string& directory) const {
  return "cgroup " +
         base::printable(directory.substr(std::min(mount_.path.size(), directory.size())));
}

ClaimantKind::Identity CgroupClaimants::identify(const base::Caller& caller, base::Wait wait) {
  if (caller.pid == 0) return Unknowable{};  // another pid namespace
  if (wait == base::Wait::no) return MustWait{};
  const std::string directory = directory_of(caller.pid);
  const ClaimantKey key = directory.empty() ? 0 : inode_of(directory);
  if (key != 0) return key;
  if (getsid(caller.pid) < 0 && errno == ESRCH) return Vanished{};
  return Unknowable{};
}

std::string CgroupClaimants::describe(ClaimantKey /*key*/, pid_t pid) {
  return words_for(directory_of(pid));
}

std::vector<std::string> CgroupClaimants::describe_now(std::span<const ClaimantKey> keys) {
  std::vector<std::string> words;
  base::Lock lock(mutex_);
  for (const ClaimantKey key : keys) {
    const auto at = groups_.find(key);
    words.push_back(at == groups_.end() ? "a cgroup" : at->second.words);
  }
  return words;
}

// A group that cannot be watched is never reported as ended: its claims last until the unmount.
void CgroupClaimants::watch(ClaimantKey key, pid_t pid) {
  const std::string directory = directory_of(pid);
  base::Descriptor events(open((directory + "/cgroup.events").c_str(), O_RDONLY | O_CLOEXEC));
  const int error = errno;
  if (!events.valid() || inode_of(directory) != key) {
    log::warn("{}: cannot be watched, so what it claims stays until the unmount: {}",
              words_for(directory), events.valid() ? "it has moved" : std::strerror(error));
    return;
  }
  base::Lock lock(mutex_);
  if (groups_.contains(key)) return;
  const int descriptor = events.get();
  groups_.emplace(key, Group{words_for(directory), std::move(events)});
  // A change raises EPOLLPRI. Adding the file raises it at once, which causes the first look.
  epoll_event event{};
  event.events = EPOLLPRI;
  event.data.u64 = key;
  epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, descriptor, &event);
}

void CgroupClaimants::start(ClaimantEvents events) {
  events_ = std::move(events);
  thread_ = std::thread([this] { run(); });
}

void CgroupClaimants::stop() {
  if (!thread_.joinable()) return;
  eventfd_write(stop_.get(), 1);
  thread_.join();
}

void CgroupClaimants::run() {
  pthread_setname_np(pthread_self(), "claims");
  Clock::time_point looked = Clock::now();  // when all groups were last checked
  while (true) {
    std::array<epoll_event, 64> events{};
    const int got =
        epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), timeout(looked));
    for (int i = 0; i < got; ++i) {
      if (events[static_cast<std::size_t>(i)].data.u64 == kStop) return;
    }
    const auto now = Clock::now();
    const bool all = now - looked >= kLookAtAll;
    if (all) looked = now;
    // Groups that are skipped for lack of memory are caught by the next check of all groups.
    shortage_.survives([&] {
      if (all) return look_at_all();
      for (int i = 0; i < got; ++i) look_at(events[static_cast<std::size_t>(i)].data.u64);
    });
  }
}

// Returns the milliseconds until the next check of all groups, -1 if there are none. That check is
// due every kLookAtAll, however many events arrive: the kernel sends at most one event per group
// every 10 ms, and drops a pending one if the group is removed first (cgroup_file_notify).
int CgroupClaimants::timeout(Clock::time_point looked) {
  base::Lock lock(mutex_);
  if (groups_.empty()) return -1;
  const auto left = std::chrono::ceil<milliseconds>(looked + kLookAtAll - Clock::now());
  return static_cast<int>(std::max<milliseconds::rep>(left.count(), 0));
}

void CgroupClaimants::look_at_all() {
  std::vector<ClaimantKey> keys;
  {
    base::Lock lock(mutex_);
    for (const auto& [key, group] : groups_) keys.push_back(key);
  }
  for (const ClaimantKey key : keys) look_at(key);
}

void CgroupClaimants::look_at(ClaimantKey key) {
  const std::uint64_t claims = events_.claims(key);
  decltype(groups_)::node_type group;  // is put back without allocating
  {
    base::Lock lock(mutex_);
    const auto at = groups_.find(key);
    if (at == groups_.end() || is_populated(at->second.events.get())) return;
    group = groups_.extract(at);
  }
  if (events_.ended(key, claims)) return;
  // A process has entered the group and claimed since.
  base::Lock lock(mutex_);
  groups_.insert(std::move(group));
}

}  // namespace scratchfs::lifetime

#include "tests/mounted/harness/slow_disk.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/fuse.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

#include "tests/mounted/harness/environment.h"
#include "tests/mounted/harness/fd.h"
#include "tests/mounted/harness/keeper.h"
#include "tests/mounted/harness/proc.h"

namespace scratchfs::harness {
namespace {

using Time = std::chrono::steady_clock::time_point;

constexpr std::size_t kLargestData = 1024 * 1024;
constexpr std::uint64_t kPlenty = 64ULL << 30;  // what statfs promises, in bytes

struct Answer {
  std::uint64_t unique = 0;
  int error = 0;
  std::vector<char> data;
};

template <typename T>
std::vector<char> bytes_of(const T& value) {
  const char* begin = reinterpret_cast<const char*>(&value);
  return std::vector<char>(begin, begin + sizeof(T));
}

}  // namespace

class SlowDisk::Impl {
 public:
  explicit Impl(Cache cache)
      : path_(make_directory("slow-disk")),
        cache_(cache),
        device_(open("/dev/fuse", O_RDWR | O_CLOEXEC)) {
    const std::string options =
        "fd=" + std::to_string(device_.get()) + ",rootmode=40755,user_id=0,group_id=0,allow_other";
    if (::mount("slow-disk", path_.c_str(), "fuse.slowdisk", MS_NOSUID | MS_NODEV,
                options.c_str()) != 0) {
      ADD_FAILURE() << "mount the slow disk: " << std::strerror(errno);
      return;
    }
    const auto mounts = mounts_below(path_);
    connection_ = mounts.empty() ? 0 : mounts.front().device_minor;
    receiver_ = std::thread([this] { receive(); });
    sender_ = std::thread([this] { send_late_answers(); });
  }

  ~Impl() {
    set_gate(reads_gate_, true);
    set_gate(writes_gate_, true);
    abort_connection(connection_);  // before the kernel may give its number to another
    umount2(path_.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW);
    if (receiver_.joinable()) {
      receiver_.join();
      {
        const std::lock_guard lock(mutex_);
        ended_ = true;
      }
      wake_.notify_all();
      sender_.join();
    }
  }

  struct Gate {
    bool open = true;
    std::vector<Answer> behind;
  };

  void set_gate(Gate& gate, bool open) {
    {
      const std::lock_guard lock(mutex_);
      gate.open = open;
    }
    wake_.notify_all();
  }

  int held_back(const Gate& gate) {
    const std::lock_guard lock(mutex_);
    return static_cast<int>(gate.behind.size());
  }

  int names() {
    const std::lock_guard lock(mutex_);
    return static_cast<int>(names_.size());
  }

  int open_files() {
    const std::lock_guard lock(mutex_);
    return static_cast<int>(files_.size());
  }

  long long allocated() {
    const std::lock_guard lock(mutex_);
    long long sum = 0;
    for (const auto& [id, file] : files_) {
      sum += status(file.get()).st_blocks * 512LL;
    }
    return sum;
  }

  const std::string path_;
  const Cache cache_;
  std::atomic<int> read_delay_ms_ = 0;
  std::atomic<int> write_delay_ms_ = 0;
  std::atomic<int> read_error_ = 0;
  std::atomic<int> write_error_ = 0;
  std::atomic<bool> flip_ = false;
  std::atomic<long long> reads_ = 0;
  std::atomic<long long> writes_ = 0;
  Gate reads_gate_;
  Gate writes_gate_;

 private:
  static struct stat status(int fd) {
    struct stat info {};
    fstat(fd, &info);
    return info;
  }

  void receive() {
    std::vector<char> buffer(kLargestData + 65536);
    while (true) {
      const ssize_t got = read(device_.get(), buffer.data(), buffer.size());
      if (got < 0 && (errno == EINTR || errno == EAGAIN || errno == ENOENT)) {
        continue;
      }
      if (got < static_cast<ssize_t>(sizeof(fuse_in_header))) {
        return;  // ENODEV: the mount is gone
      }
      fuse_in_header header{};
      std::memcpy(&header, buffer.data(), sizeof(header));
      handle(header, buffer.data() + sizeof(header));
    }
  }

  void send(const Answer& answer) {
    fuse_out_header header{};
    header.len = static_cast<std::uint32_t>(sizeof(header) + answer.data.size());
    header.error = -answer.error;
    header.unique = answer.unique;
    const iovec parts[] = {{&header, sizeof(header)},
                           {const_cast<char*>(answer.data.data()), answer.data.size()}};
    static_cast<void>(writev(device_.get(), parts, answer.data.empty() ? 1 : 2));
  }

  void send_late_answers() {
    std::unique_lock lock(mutex_);
    while (!ended_) {
      for (Gate* gate : {&reads_gate_, &writes_gate_}) {
        if (!gate->open) {
          continue;
        }
        for (Answer& answer : gate->behind) {
          late_.emplace(std::chrono::steady_clock::now(), std::move(answer));
        }
        gate->behind.clear();
      }
      const Time now = std::chrono::steady_clock::now();
      if (late_.empty()) {
        wake_.wait(lock);
      } else if (late_.begin()->first > now) {
        wake_.wait_until(lock, late_.begin()->first);
      } else {
        const Answer answer = std::move(late_.begin()->second);
        late_.erase(late_.begin());
        lock.unlock();
        send(answer);
        lock.lock();
      }
    }
  }

  void answer_later(Answer answer, int delay_ms, Gate& gate) {
    {
      const std::lock_guard lock(mutex_);
      if (!gate.open) {
        gate.behind.push_back(std::move(answer));
      } else {
        late_.emplace(std::chrono::steady_clock::now() + std::chrono::milliseconds(delay_ms),
                      std::move(answer));
      }
    }
    wake_.notify_all();
  }

  template <typename T>
  static T argument(const char* body) {
    T value{};
    std::memcpy(&value, body, sizeof(T));
    return value;
  }

  fuse_attr attributes(std::uint64_t id) {
    fuse_attr attr{};
    attr.ino = id;
    attr.mode = S_IFDIR | 0777;
    attr.nlink = 2;
    attr.blksize = 4096;
    if (id != FUSE_ROOT_ID) {
      const struct stat info = status(files_[id].get());
      attr.mode = S_IFREG | 0600;
      attr.nlink = 1;
      attr.size = static_cast<std::uint64_t>(info.st_size);
      attr.blocks = static_cast<std::uint64_t>(info.st_blocks);
    }
    return attr;
  }

  fuse_entry_out entry(std::uint64_t id) {
    fuse_entry_out out{};
    out.nodeid = id;
    out.attr = attributes(id);
    return out;
  }

  std::vector<char> attr_out(std::uint64_t id) {
    fuse_attr_out out{};
    out.attr = attributes(id);
    return bytes_of(out);
  }

  std::vector<char> open_out() const {
    fuse_open_out out{};
    if (cache_ == Cache::none) out.open_flags = FOPEN_DIRECT_IO | FOPEN_PARALLEL_DIRECT_WRITES;
    return bytes_of(out);
  }

  std::vector<char> init_out(const fuse_init_in& in) const {
    fuse_init_out out{};
    out.major = FUSE_KERNEL_VERSION;
    out.minor = FUSE_KERNEL_MINOR_VERSION;
    out.max_readahead = in.max_readahead;
    out.flags = in.flags & (FUSE_MAX_PAGES | FUSE_BIG_WRITES);
    if (cache_ == Cache::write_back) out.flags |= in.flags & FUSE_WRITEBACK_CACHE;
    out.max_background = 512;
    out.congestion_threshold = 512;
    out.max_write = kLargestData;
    out.max_pages = kLargestData / 4096;
    out.time_gran = 1;
    return bytes_of(out);
  }

  void handle(const fuse_in_header& header, const char* body) {
    switch (header.opcode) {
      case FUSE_FORGET:
      case FUSE_BATCH_FORGET:
      case FUSE_INTERRUPT:
        return;
      case FUSE_READ:
        return answer_read(header, argument<fuse_read_in>(body));
      case FUSE_WRITE:
        return answer_write(header, argument<fuse_write_in>(body), body + sizeof(fuse_write_in));
      default:
        Answer answer{.unique = header.unique, .error = 0, .data = {}};
        const std::lock_guard lock(mutex_);
        answer.error = answer_quick(header, body, answer.data);
        return send(answer);
    }
  }

  void answer_read(const fuse_in_header& header, const fuse_read_in& in) {
    ++reads_;
    Answer answer{.unique = header.unique, .error = read_error_, .data = {}};
    if (answer.error == 0) {
      answer.data.resize(in.size);
      const ssize_t got = pread(descriptor(header.nodeid), answer.data.data(), in.size,
                                static_cast<off_t>(in.offset));
      answer.data.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
      if (flip_ && !answer.data.empty()) {
        answer.data[answer.data.size() / 2] ^= 1;
      }
    }
    answer_later(std::move(answer), read_delay_ms_, reads_gate_);
  }

  void answer_write(const fuse_in_header& header, const fuse_write_in& in, const char* data) {
    ++writes_;
    Answer answer{.unique = header.unique, .error = write_error_, .data = {}};
    if (cache_ == Cache::write_back && (in.flags & O_DIRECT) != 0) answer.error = EINVAL;
    if (answer.error == 0) {
      fuse_write_out out{};
      const ssize_t put =
          pwrite(descriptor(header.nodeid), data, in.size, static_cast<off_t>(in.offset));
      out.size = put < 0 ? 0 : static_cast<std::uint32_t>(put);
      answer.data = bytes_of(out);
    }
    answer_later(std::move(answer), write_delay_ms_, writes_gate_);
  }

  int descriptor(std::uint64_t id) {
    const std::lock_guard lock(mutex_);
    return files_[id].get();
  }

  // The rest: 0 and what to answer, or an errno.
  int answer_quick(const fuse_in_header& header, const char* body, std::vector<char>& out) {
    switch (header.opcode) {
      case FUSE_INIT:
        out = init_out(argument<fuse_init_in>(body));
        return 0;
      case FUSE_LOOKUP: {
        const auto found = names_.find(body);
        if (found == names_.end()) {
          return ENOENT;
        }
        out = bytes_of(entry(found->second));
        return 0;
      }
      case FUSE_CREATE: {
        const std::uint64_t id = ++last_id_;
        files_[id] = Fd(memfd_create("slow-disk", MFD_CLOEXEC));
        names_[body + sizeof(fuse_create_in)] = id;
        out = bytes_of(entry(id));
        const auto opened = open_out();
        out.insert(out.end(), opened.begin(), opened.end());
        return 0;
      }
      case FUSE_UNLINK:
        return names_.erase(body) == 1 ? 0 : ENOENT;
      case FUSE_GETATTR:
        out = attr_out(header.nodeid);
        return 0;
      case FUSE_SETATTR: {
        const auto in = argument<fuse_setattr_in>(body);
        if ((in.valid & FATTR_SIZE) != 0 &&
            ftruncate(files_[header.nodeid].get(), static_cast<off_t>(in.size)) != 0) {
          return errno;
        }
        out = attr_out(header.nodeid);
        return 0;
      }
      case FUSE_FALLOCATE: {
        const auto in = argument<fuse_fallocate_in>(body);
        return fallocate(files_[header.nodeid].get(), static_cast<int>(in.mode),
                         static_cast<off_t>(in.offset), static_cast<off_t>(in.length)) == 0
                   ? 0
                   : errno;
      }
      case FUSE_OPEN:
      case FUSE_OPENDIR:
        out = open_out();
        return 0;
      case FUSE_STATFS: {
        fuse_statfs_out statfs{};
        statfs.st.bsize = statfs.st.frsize = 4096;
        statfs.st.blocks = statfs.st.bfree = statfs.st.bavail = kPlenty / 4096;
        statfs.st.namelen = 255;
        out = bytes_of(statfs);
        return 0;
      }
      case FUSE_RELEASE:
        files_.erase(header.nodeid);  // every file is created, unlinked and closed once
        return 0;
      case FUSE_FLUSH:
      case FUSE_FSYNC:
      case FUSE_RELEASEDIR:
      case FUSE_ACCESS:
      case FUSE_DESTROY:
        return 0;
      default:
        return ENOSYS;
    }
  }

  Fd device_;
  unsigned connection_ = 0;
  std::thread receiver_;
  std::thread sender_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool ended_ = false;
  std::multimap<Time, Answer> late_;
  std::map<std::string, std::uint64_t> names_;
  std::map<std::uint64_t, Fd> files_;
  std::uint64_t last_id_ = FUSE_ROOT_ID;
};

SlowDisk::SlowDisk(Cache cache) {
  ensure_environment();
  impl_ = std::make_unique<Impl>(cache);
}
SlowDisk::~SlowDisk() = default;
const std::string& SlowDisk::path() const { return impl_->path_; }
void SlowDisk::delay_reads(int milliseconds) { impl_->read_delay_ms_ = milliseconds; }
void SlowDisk::delay_writes(int milliseconds) { impl_->write_delay_ms_ = milliseconds; }
void SlowDisk::close_gate() { impl_->set_gate(impl_->reads_gate_, false); }
void SlowDisk::open_gate() { impl_->set_gate(impl_->reads_gate_, true); }
int SlowDisk::reads_held_back() const { return impl_->held_back(impl_->reads_gate_); }
void SlowDisk::close_gate_to_writes() { impl_->set_gate(impl_->writes_gate_, false); }
void SlowDisk::open_gate_to_writes() { impl_->set_gate(impl_->writes_gate_, true); }
int SlowDisk::writes_held_back() const { return impl_->held_back(impl_->writes_gate_); }
void SlowDisk::fail_reads(int error) { impl_->read_error_ = error; }
void SlowDisk::fail_writes(int error) { impl_->write_error_ = error; }
void SlowDisk::flip_a_bit(bool flip) { impl_->flip_ = flip; }
int SlowDisk::names() const { return impl_->names(); }
int SlowDisk::open_files() const { return impl_->open_files(); }
long long SlowDisk::allocated_bytes() const { return impl_->allocated(); }
long long SlowDisk::reads() const { return impl_->reads_; }
long long SlowDisk::writes() const { return impl_->writes_; }

}  // namespace scratchfs::harness

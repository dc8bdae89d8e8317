#include "tests/mounted/harness/slow_disk.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/fuse.h>
#include <sys/mount.h>
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
#include "tests/mounted/harness/slow_disk_files.h"

namespace scratchfs::harness {

class SlowDisk::Impl {
 public:
  explicit Impl(Cache cache)
      : path_(make_directory("slow-disk")),
        cache_(cache),
        files_(cache),
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
    abort_connection(connection_);  // before the kernel may reuse its number
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

  struct Answer {
    std::uint64_t unique = 0;
    int error = 0;
    std::vector<char> data;
  };
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

  const std::string path_;
  const Cache cache_;
  SlowDiskFiles files_;
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
  using Time = std::chrono::steady_clock::time_point;

  void receive() {
    std::vector<char> buffer(SlowDiskFiles::kLargestData + 65536);
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
        answer.error = files_.answer(header, body, answer.data);
        return send(answer);
    }
  }

  void answer_read(const fuse_in_header& header, const fuse_read_in& in) {
    ++reads_;
    Answer answer{.unique = header.unique, .error = read_error_, .data = {}};
    if (answer.error == 0) {
      answer.data.resize(in.size);
      const ssize_t got = pread(files_.descriptor(header.nodeid), answer.data.data(), in.size,
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
          pwrite(files_.descriptor(header.nodeid), data, in.size, static_cast<off_t>(in.offset));
      out.size = put < 0 ? 0 : static_cast<std::uint32_t>(put);
      answer.data = bytes_of(out);
    }
    answer_later(std::move(answer), write_delay_ms_, writes_gate_);
  }

  Fd device_;
  unsigned connection_ = 0;
  std::thread receiver_;
  std::thread sender_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool ended_ = false;
  std::multimap<Time, Answer> late_;
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
int SlowDisk::names() const { return impl_->files_.names(); }
int SlowDisk::open_files() const { return impl_->files_.open_files(); }
long long SlowDisk::allocated_bytes() const { return impl_->files_.allocated_bytes(); }
long long SlowDisk::reads() const { return impl_->reads_; }
long long SlowDisk::writes() const { return impl_->writes_; }

}  // namespace scratchfs::harness

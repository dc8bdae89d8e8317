#include "tests/bench/processes.h"

#include <sched.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <exception>
#include <span>
#include <stdexcept>
#include <system_error>
#include <vector>

#include "tests/bench/files.h"

namespace scratchfs::bench {

namespace {

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// Start and end times of a process, visible to its parent.
struct Record {
  std::atomic<bool> ready{false};
  double began = 0;
  double ended = 0;
};

// Memory shared with forked children.
class Records {
 public:
  explicit Records(std::size_t count)
      : size_(sizeof(Record) * count),
        memory_(mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)) {
    if (memory_ == MAP_FAILED) throw std::system_error(errno, std::generic_category(), "mmap");
    all = {static_cast<Record*>(memory_), count};
    for (Record& record : all) new (&record) Record;
  }
  ~Records() { munmap(memory_, size_); }
  Records(const Records&) = delete;
  Records& operator=(const Records&) = delete;
  std::span<Record> all;

 private:
  std::size_t size_;
  void* memory_;
};

// Waits at `gate` (a pipe that the parent closes to start the jobs) and runs the job; never
// returns.
[[noreturn]] void be_a_job(int gate, Record& record, std::size_t number,
                           const std::function<void(std::size_t)>& job) {
  try {
    record.ready = true;
    char none = 0;
    check(read(gate, &none, 1), "read");
    record.began = now();
    job(number);
    record.ended = now();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "scratchfs_bench: job %zu: %s\n", number, error.what());
    _exit(1);
  }
  _exit(0);
}

bool reap(const std::vector<pid_t>& processes) {
  bool fine = true;
  for (const pid_t process : processes) {
    int status = 0;
    fine = waitpid(process, &status, 0) == process && status == 0 && fine;
  }
  return fine;
}

}  // namespace

void pin_to(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(static_cast<std::size_t>(cpu), &set);
  check(sched_setaffinity(0, sizeof set, &set), "sched_setaffinity");
}

double run_processes(std::size_t count, const std::function<void(std::size_t)>& job) {
  Records records(count);
  int gate[2];
  check(pipe(gate), "pipe");
  std::vector<pid_t> processes;
  for (std::size_t number = 0; number < count; ++number) {
    const auto process = static_cast<pid_t>(check(fork(), "fork"));
    if (process == 0) {
      close(gate[1]);
      be_a_job(gate[0], records.all[number], number, job);
    }
    processes.push_back(process);
  }
  for (const Record& record : records.all) {
    while (!record.ready) usleep(1000);
  }
  close(gate[1]);
  const bool fine = reap(processes);
  close(gate[0]);
  if (!fine) throw std::runtime_error("a job failed");
  double began = records.all.front().began;
  double ended = records.all.front().ended;
  for (const Record& record : records.all) {
    began = std::min(began, record.began);
    ended = std::max(ended, record.ended);
  }
  return ended - began;
}

}  // namespace scratchfs::bench

#include "mount/process/progress.h"

#include <fmt/core.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <utility>

namespace scratchfs::mount {

namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::seconds kPace{1};

// Whether stderr is a terminal whose foreground process group is this one: progress belongs neither
// in a pipe nor in the middle of what a user types while this process runs in the background.
bool is_on_screen() { return ::tcgetpgrp(STDERR_FILENO) == ::getpgrp(); }

// Returns the cursor to the start of the line, so that the next output, by any process, overwrites
// it.
void write_line(const std::string& line) {
  std::fputs((line + "\r").c_str(), stderr);
  std::fflush(stderr);
}

}  // namespace

Progress::Progress(std::string what) : what_(std::move(what)) {
  if (is_on_screen()) thread_ = std::thread([this] { tell(); });
}

Progress::~Progress() {
  if (!thread_.joinable()) return;
  {
    base::Lock lock(mutex_);
    ended_ = true;
    changed_.notify_all();
  }
  thread_.join();
}

void Progress::tell() {
  std::size_t width = 0;
  base::Lock lock(mutex_);
  const auto begun = Clock::now();
  for (auto seconds = kPace; !ended_;) {
    const auto left = begun + seconds - Clock::now();
    if (left > Clock::duration::zero()) {
      changed_.wait_for(mutex_, left);
      continue;
    }
    const std::string line = fmt::format("scratchfs: {}, {} s", what_, seconds.count());
    seconds += kPace;
    if (!is_on_screen()) continue;
    write_line(line);
    width = line.size();
  }
  if (width > 0 && is_on_screen()) write_line(std::string(width, ' '));
}

}  // namespace scratchfs::mount

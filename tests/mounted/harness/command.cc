#include "tests/mounted/harness/command.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>

#include "tests/mounted/harness/pace.h"

namespace scratchfs::harness {
namespace {

std::string all_of(int fd) {
  std::string text;
  char buffer[65536];
  ssize_t got = 0;
  while ((got = pread(fd, buffer, sizeof(buffer), static_cast<off_t>(text.size()))) > 0) {
    text.append(buffer, static_cast<std::size_t>(got));
  }
  return text;
}

// A memfd rather than a pipe, so that a process that inherits it does not delay the reader.
Fd capture(const char* name) { return Fd(memfd_create(name, MFD_CLOEXEC)); }

[[noreturn]] void execute(const std::vector<std::string>& words, const RunSettings& settings,
                          int out, int err) {
  const int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
  dup2(nothing, 0);
  dup2(out, 1);
  dup2(err, 2);
  if (!settings.directory.empty() && chdir(settings.directory.c_str()) != 0) {
    dprintf(2, "chdir %s: %s\n", settings.directory.c_str(), std::strerror(errno));
    _exit(126);
  }
  for (const std::string& setting : settings.environment) {
    putenv(strdup(setting.c_str()));
  }
  become(words);
}

bool ends_within(pid_t pid, double seconds) {
  const Fd pidfd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  pollfd waiting{.fd = pidfd.get(), .events = POLLIN, .revents = 0};
  return poll(&waiting, 1, static_cast<int>(patience(seconds).count())) > 0;
}

}  // namespace

void become(const std::vector<std::string>& words) {
  std::vector<char*> arguments;
  arguments.reserve(words.size() + 1);
  for (const std::string& word : words) {
    arguments.push_back(const_cast<char*>(word.c_str()));
  }
  arguments.push_back(nullptr);
  execvp(arguments[0], arguments.data());
  dprintf(2, "%s: %s\n", arguments[0], std::strerror(errno));
  _exit(127);
}

Finished run(const std::vector<std::string>& words, const RunSettings& settings) {
  const Fd out = capture("stdout");
  const Fd err = capture("stderr");
  Child child(settings.who, [&](Channel&) { execute(words, settings, out.get(), err.get()); });
  if (!ends_within(child.pid(), settings.seconds)) {
    ADD_FAILURE() << words[0] << " did not end within " << settings.seconds << " s";
    child.kill(SIGKILL);
  }
  Finished finished;
  finished.code = child.join();
  finished.out = all_of(out.get());
  finished.err = all_of(err.get());
  return finished;
}

Finished shell(const std::string& script, const RunSettings& settings) {
  return run({"bash", "-c", script}, settings);
}

}  // namespace scratchfs::harness

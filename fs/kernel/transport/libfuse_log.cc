#include "fs/kernel/transport/libfuse_log.h"

#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <cstdarg>
#include <cstdio>
#include <new>
#include <string_view>

#include "fs/base/log.h"
#include "fs/kernel/transport/fuse.h"

namespace scratchfs::kernel {

namespace {

thread_local std::string* captured = nullptr;

log::Level level_of(fuse_log_level level) {
  switch (level) {
    case FUSE_LOG_EMERG:
    case FUSE_LOG_ALERT:
    case FUSE_LOG_CRIT:
      return log::Level::critical;
    case FUSE_LOG_ERR:
      return log::Level::error;
    case FUSE_LOG_WARNING:
      return log::Level::warn;
    case FUSE_LOG_NOTICE:
    case FUSE_LOG_INFO:
      return log::Level::info;
    case FUSE_LOG_DEBUG:
      break;
  }
  return log::Level::debug;
}

// Strips "fuse: " and the line end.
std::string_view trimmed(std::string_view message) {
  constexpr std::string_view kPrefix = "fuse: ";
  if (message.starts_with(kPrefix)) message.remove_prefix(kPrefix.size());
  while (!message.empty() && (message.back() == '\n' || message.back() == ' ')) {
    message.remove_suffix(1);
  }
  return message;
}

__attribute__((format(printf, 2, 0))) void take_message(fuse_log_level level, const char* format,
                                                        va_list arguments) {
  std::array<char, 1024> buffer{};
  std::vsnprintf(buffer.data(), buffer.size(), format, arguments);
  const std::string_view message = trimmed(buffer.data());
  if (message.empty()) return;
  // libfuse cancels the threads of rings that it cannot start; a log sink must not be unwound.
  int cancelling = 0;
  pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancelling);
  if (captured != nullptr) {
    try {
      captured->append(message).append(1, '\n');
    } catch (const std::bad_alloc&) {
      // An exception must not pass through libfuse; the message is lost.
    }
  } else {
    log::line(level_of(level), "libfuse: {}", message);
  }
  pthread_setcancelstate(cancelling, nullptr);
}

}  // namespace

void install_libfuse_log() { fuse_set_log_func(take_message); }

MessageCapture::MessageCapture() {
  captured = new std::string;  // first: it may throw
  std::fflush(stderr);
  file_ = base::Descriptor(memfd_create("stderr", MFD_CLOEXEC));
  stderr_ = base::Descriptor(dup(STDERR_FILENO));
  if (file_.valid() && stderr_.valid()) dup2(file_.get(), STDERR_FILENO);
}

MessageCapture::~MessageCapture() {
  delete captured;
  captured = nullptr;
  std::fflush(stderr);
  if (file_.valid() && stderr_.valid()) dup2(stderr_.get(), STDERR_FILENO);
}

std::string MessageCapture::text() {
  std::string all = *captured;
  std::array<char, 1024> buffer{};
  if (file_.valid() && lseek(file_.get(), 0, SEEK_SET) == 0) {
    for (ssize_t got = 0; (got = read(file_.get(), buffer.data(), buffer.size())) > 0;) {
      all.append(buffer.data(), static_cast<std::size_t>(got));
    }
  }
  all = trimmed(all);
  for (std::size_t at = 0; (at = all.find('\n', at)) != all.npos;) all.replace(at, 1, "; ");
  return all;
}

}  // namespace scratchfs::kernel

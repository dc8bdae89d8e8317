// What libfuse says: to our log, or into the message of a failure.
#pragma once

#include <string>

namespace scratchfs::kernel {

// Leads libfuse's messages to spdlog. For the whole process; may be called again.
void install_libfuse_log();

// While it exists, what libfuse says on this thread, and what any thread and any child process
// writes to stderr, is kept instead of shown: fusermount3(1) gives its reasons there.
class MessageCapture {
 public:
  MessageCapture();
  ~MessageCapture();
  MessageCapture(const MessageCapture&) = delete;
  MessageCapture& operator=(const MessageCapture&) = delete;

  // Everything so far as one line.
  std::string text();

 private:
  int file_ = -1;    // stands in for stderr
  int stderr_ = -1;  // the real one
};

}  // namespace scratchfs::kernel

// Redirects libfuse's messages to our log or into an error message.
#pragma once

#include <string>

#include "fs/base/descriptor.h"

namespace scratchfs::kernel {

// Routes libfuse's messages to our log, process-wide. May be called again.
void install_libfuse_log();

// While alive, captures libfuse's messages of this thread and everything that any thread or child
// process writes to stderr, where fusermount3(1) reports its errors.
class MessageCapture {
 public:
  MessageCapture();
  ~MessageCapture();

  // Returns all captured text so far, joined to one line.
  std::string text();

 private:
  base::Descriptor file_;    // replaces stderr
  base::Descriptor stderr_;  // the original stderr
};

}  // namespace scratchfs::kernel

// A command's error: one line for the user and the exit code.
#pragma once

#include <string>
#include <utility>

#include "fs/base/result.h"
#include "mount/process/exit_codes.h"

namespace scratchfs::mount {

struct Refusal {
  std::string message;  // `what: why; what to do`: one line, without the program's name
  int exit_code = kFailed;
};

template <typename T>
using Outcome = base::Result<T, Refusal>;

inline Refusal failed(std::string message) { return Refusal{std::move(message), kFailed}; }
inline Refusal usage(std::string message) { return Refusal{std::move(message), kUsage}; }
// Makes the message `what: <strerror(error)>`.
Refusal failed(const std::string& what, int error);
// The same for fork(2) and pthread_create(3), for which EAGAIN means that a limit on processes or
// threads is reached.
Refusal failed_to_start(const std::string& what, int error);

// Writes `scratchfs: message` to stderr as one line and returns the exit code.
int complain(const Refusal& refusal);

}  // namespace scratchfs::mount

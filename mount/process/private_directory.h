// A temporary directory to mount on, accessible to its user alone and removed at the end.
#pragma once

#include <string>
#include <utility>

#include "fs/base/descriptor.h"
#include "mount/process/refusal.h"

namespace scratchfs::mount {

class PrivateDirectory {
 public:
  // Creates a directory with mode 0700, in $XDG_RUNTIME_DIR if the caller owns that, otherwise in
  // /tmp.
  static Outcome<PrivateDirectory> make();
  PrivateDirectory(PrivateDirectory&& other) noexcept = default;
  PrivateDirectory& operator=(PrivateDirectory&& other) noexcept;
  ~PrivateDirectory();  // removes it

  const std::string& path() const { return path_; }
  // Removes write permission from the directory itself. Call it once something is mounted there:
  // after the mount is gone, only root can create anything in the bare directory.
  void seal() const;

 private:
  PrivateDirectory(std::string path, base::Descriptor directory)
      : path_(std::move(path)), directory_(std::move(directory)) {}

  std::string path_;
  base::Descriptor directory_;  // refers to the directory itself even while a mount covers it
};

}  // namespace scratchfs::mount

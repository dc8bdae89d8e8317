// A directory for one mount, which nobody else can look into and nothing is left of.
#pragma once

#include <string>

#include "mount/process/refusal.h"

namespace scratchfs::mount {

class PrivateDirectory {
 public:
  // A new directory, 0700, in $XDG_RUNTIME_DIR if that is the caller's, else in /tmp.
  static Outcome<PrivateDirectory> make();
  PrivateDirectory(PrivateDirectory&& other) noexcept;
  PrivateDirectory& operator=(PrivateDirectory&& other) noexcept;
  ~PrivateDirectory();  // removes it

  const std::string& path() const { return path_; }
  // For when something is mounted on it: once that is gone, nobody but root can make anything in
  // the directory itself.
  void seal() const;

 private:
  PrivateDirectory(std::string path, int descriptor);

  std::string path_;
  int descriptor_;  // of the directory, whatever covers it
};

}  // namespace scratchfs::mount

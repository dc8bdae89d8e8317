// A disk that keeps a name for a file unlinked while open until it is closed, as NFS and sshfs do.
#pragma once

#include <string>
#include <vector>

namespace scratchfs::harness {

// Mounts in the constructor and unmounts in the destructor. Fails the test if that is not possible.
class NameKeepingDisk {
 public:
  NameKeepingDisk();
  ~NameKeepingDisk();
  NameKeepingDisk(const NameKeepingDisk&) = delete;
  NameKeepingDisk& operator=(const NameKeepingDisk&) = delete;

  const std::string& path() const { return path_; }
  // Returns the names in it, at any depth.
  std::vector<std::string> names() const;

 private:
  std::string below_;  // the directory that stores the files
  std::string path_;
};

}  // namespace scratchfs::harness

// A disk on which a file that is unlinked while it is open keeps a name until it is closed, as on
// NFS and sshfs.
#pragma once

#include <string>
#include <vector>

namespace scratchfs::harness {

// Mounted in the constructor, gone with the object. Fails the test where it cannot be had.
class NameKeepingDisk {
 public:
  NameKeepingDisk();
  ~NameKeepingDisk();
  NameKeepingDisk(const NameKeepingDisk&) = delete;
  NameKeepingDisk& operator=(const NameKeepingDisk&) = delete;

  const std::string& path() const { return path_; }
  // What is in it, at any depth.
  std::vector<std::string> names() const;

 private:
  std::string below_;  // where it really is
  std::string path_;
};

}  // namespace scratchfs::harness

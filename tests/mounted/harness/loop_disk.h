// A disk of a known size: an ext4 in a file.
#pragma once

#include <string>

namespace scratchfs::harness {

// Mounted in the constructor, gone with the object. Fails the test where it cannot be had.
class LoopDisk {
 public:
  explicit LoopDisk(unsigned mebibytes);
  ~LoopDisk();
  LoopDisk(const LoopDisk&) = delete;
  LoopDisk& operator=(const LoopDisk&) = delete;

  const std::string& path() const { return path_; }

 private:
  std::string image_;
  std::string path_;
};

}  // namespace scratchfs::harness

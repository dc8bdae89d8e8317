// A disk of a known size: a file system in a file.
#pragma once

#include <string>

namespace scratchfs::harness {

// Mounted in the constructor, gone with the object. Fails the test where it cannot be had.
class LoopDisk {
 public:
  enum class Type : bool { ext4, btrfs };
  explicit LoopDisk(unsigned mebibytes, Type type = Type::ext4);
  ~LoopDisk();
  LoopDisk(const LoopDisk&) = delete;
  LoopDisk& operator=(const LoopDisk&) = delete;

  const std::string& path() const { return path_; }
  const std::string& image() const { return image_; }

 private:
  std::string image_;
  std::string path_;
};

}  // namespace scratchfs::harness

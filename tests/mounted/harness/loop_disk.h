// A disk of known size: a file system in an image file on a loop device.
#pragma once

#include <string>

namespace scratchfs::harness {

// Mounts in the constructor and unmounts in the destructor. Fails the test if that is not possible.
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

// scratchfs_name_keeping DIRECTORY MOUNTPOINT: mirrors DIRECTORY with libfuse's path interface.
// Like all file systems that use it (sshfs among them), it renames an open file that is unlinked to
// .fuse_hidden... until the file is closed.
#define FUSE_USE_VERSION 317
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <string>

#include "fs/base/descriptor.h"
#include "fuse.h"

namespace {

int directory = -1;

// Relative to it; openat(2) and the like take "." for the root.
const char* in_it(const char* path) { return path[1] == '\0' ? "." : path + 1; }

int result(long value) { return value < 0 ? -errno : static_cast<int>(value); }

int descriptor(const fuse_file_info* file) { return static_cast<int>(file->fh); }

void* init(fuse_conn_info*, fuse_config* config) {
  config->entry_timeout = 0;
  config->attr_timeout = 0;
  config->negative_timeout = 0;
  return nullptr;
}

int getattr(const char* path, struct stat* info, fuse_file_info* file) {
  if (file != nullptr) return result(fstat(descriptor(file), info));
  return result(fstatat(directory, in_it(path), info, AT_SYMLINK_NOFOLLOW));
}

int open_at(const char* path, int flags, mode_t mode, fuse_file_info* file) {
  const int fd = openat(directory, in_it(path), flags | O_CLOEXEC, mode);
  if (fd < 0) return -errno;
  file->fh = static_cast<std::uint64_t>(fd);
  return 0;
}

int readdir(const char* path, void* buffer, fuse_fill_dir_t fill, off_t, fuse_file_info*,
            fuse_readdir_flags) {
  scratchfs::base::Descriptor opened(
      openat(directory, in_it(path), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  DIR* const stream = fdopendir(opened.get());
  if (stream == nullptr) return -errno;
  opened.release();  // the stream's now
  while (const dirent* entry = ::readdir(stream)) {
    fill(buffer, entry->d_name, nullptr, 0, fuse_fill_dir_flags{});
  }
  closedir(stream);
  return 0;
}

int rename(const char* from, const char* to, unsigned flags) {
  return result(renameat2(directory, in_it(from), directory, in_it(to), flags));
}

int truncate(const char* path, off_t size, fuse_file_info* file) {
  if (file != nullptr) return result(ftruncate(descriptor(file), size));
  fuse_file_info opened{};
  if (const int error = open_at(path, O_WRONLY, 0, &opened); error != 0) return error;
  const int truncated = result(ftruncate(descriptor(&opened), size));
  close(descriptor(&opened));
  return truncated;
}

fuse_operations operations() {
  fuse_operations all{};
  all.init = init;
  all.getattr = getattr;
  all.readdir = readdir;
  all.rename = rename;
  all.truncate = truncate;
  all.mkdir = [](const char* path, mode_t mode) {
    return result(mkdirat(directory, in_it(path), mode));
  };
  all.unlink = [](const char* path) { return result(unlinkat(directory, in_it(path), 0)); };
  all.rmdir = [](const char* path) {
    return result(unlinkat(directory, in_it(path), AT_REMOVEDIR));
  };
  all.create = [](const char* path, mode_t mode, fuse_file_info* file) {
    return open_at(path, file->flags | O_CREAT, mode, file);
  };
  all.open = [](const char* path, fuse_file_info* file) {
    return open_at(path, file->flags & ~O_DIRECT, 0, file);
  };
  all.read = [](const char*, char* bytes, size_t count, off_t at, fuse_file_info* file) {
    return result(pread(descriptor(file), bytes, count, at));
  };
  all.write = [](const char*, const char* bytes, size_t count, off_t at, fuse_file_info* file) {
    return result(pwrite(descriptor(file), bytes, count, at));
  };
  all.release = [](const char*, fuse_file_info* file) { return result(close(descriptor(file))); };
  all.fallocate = [](const char*, int mode, off_t at, off_t length, fuse_file_info* file) {
    return result(fallocate(descriptor(file), mode, at, length));
  };
  all.statfs = [](const char*, struct statvfs* info) { return result(fstatvfs(directory, info)); };
  return all;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fputs("usage: scratchfs_name_keeping DIRECTORY MOUNTPOINT\n", stderr);
    return 2;
  }
  directory = open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (directory < 0) {
    std::perror(argv[1]);
    return 1;
  }
  std::string program = argv[0];
  std::string alone = "-s";
  char* words[] = {program.data(), argv[2], alone.data(), nullptr};
  const fuse_operations all = operations();
  return fuse_main(3, words, &all, nullptr);
}

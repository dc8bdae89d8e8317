// The same calls on tmpfs and on scratchfs, and a comparison of all that was observed.
//
//   PARITY(Rename, RefusesANonEmptyTarget) {
//     at.call("make a", mkdir(at / "a", 0755));
//     ...
//   }
//
// runs the body on a tmpfs and on a scratchfs (lifetime=mount, create_mode=posix), in a test for
// each transport. Whatever it notes goes into a transcript; the transcripts must be equal. The
// umask is 022 when the body starts.
#pragma once

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/types.h>

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/mounted/harness/child.h"
#include "tests/mounted/harness/mount.h"

namespace scratchfs::harness {

// A path that converts to what system calls take; lives as long as the expression it is used in.
class Path {
 public:
  explicit Path(std::string text) : text_(std::move(text)) {}
  operator const char*() const { return text_.c_str(); }  // NOLINT(google-explicit-constructor)
  const std::string& text() const { return text_; }
  Path operator/(std::string_view name) const { return Path(text_ + "/" + std::string(name)); }

 private:
  std::string text_;
};

// Where a body runs, and its transcript.
class Place {
 public:
  explicit Place(std::string root) : root_(std::move(root)) {}
  Path operator/(std::string_view name) const { return root_ / name; }
  const Path& root() const { return root_; }
  // O_DIRECT, or 0 on a tmpfs that refuses it (before Linux 6.6), which gives the same answers
  // without.
  int direct() const;

  // Notes "what: 0" or "what: -1 ENOENT"; returns `result`.
  long call(std::string_view what, long result);
  // The same for calls that return a descriptor: its number is not noted.
  int descriptor(std::string_view what, int fd);
  template <typename Value>
  void note(std::string_view what, const Value& value) {
    add(std::string(what) + ": " + text_of(value));
  }

  // Type, mode, links, owner, group, and the size of what has one. Not st_size of directories:
  // tmpfs counts 20 bytes an entry, scratchfs is free to count otherwise.
  void stat(std::string_view what, const char* path);
  void fstat(std::string_view what, int fd);
  // st_blocks. Only for contents of whole pages: scratchfs keeps smaller ones in less than tmpfs'
  // page.
  void blocks(std::string_view what, const char* path);
  // Which of mtime, ctime and birth time `action` changed. Not atime: the kernel leaves it to the
  // daemon, and reads from the page cache never get there.
  void moved(std::string_view what, const char* path, const std::function<void()>& action);
  // Sorted names with their types, without . and ..
  void list(std::string_view what, const char* path);
  // Size, and a checksum of the bytes.
  void content(std::string_view what, const char* path);
  void bytes(std::string_view what, std::string_view data);

  // Runs `body` as another user; what it notes is noted here.
  void as(const Who& who, const std::function<void()>& body);

  const std::vector<std::string>& lines() const { return lines_; }

 private:
  void add(std::string line) { lines_.push_back(std::move(line)); }
  void add_stat(std::string_view what, const struct stat& info);
  static std::string text_of(const std::string& value) { return value; }
  static std::string text_of(std::string_view value) { return std::string(value); }
  static std::string text_of(const char* value) { return value; }
  static std::string text_of(bool value) { return value ? "yes" : "no"; }
  template <typename Number>
  requires std::is_arithmetic_v<Number>
  static std::string text_of(Number value) { return std::to_string(value); }

  Path root_;
  std::vector<std::string> lines_;
};

using ParityBody = void (*)(Place&);
void compare_places(ParityBody body, Transport transport);

#define PARITY(suite, name)                                                          \
  static void suite##_##name(::scratchfs::harness::Place& at);                       \
  TEST(suite, name##_dev_fuse) {                                                     \
    ::scratchfs::harness::compare_places(&suite##_##name,                            \
                                         ::scratchfs::harness::Transport::dev_fuse); \
  }                                                                                  \
  TEST(suite, name##_io_uring) {                                                     \
    ::scratchfs::harness::compare_places(&suite##_##name,                            \
                                         ::scratchfs::harness::Transport::io_uring); \
  }                                                                                  \
  static void suite##_##name([[maybe_unused]] ::scratchfs::harness::Place& at)

// "ENOENT"
std::string errno_name(int error);
// Makes a file with this content, without noting anything.
void make_file(const char* path, std::string_view content, mode_t mode = 0644);
std::string checksum(std::string_view data);
// Bytes that look random, the same for the same seed.
std::string random_bytes(std::size_t count, unsigned seed);

}  // namespace scratchfs::harness

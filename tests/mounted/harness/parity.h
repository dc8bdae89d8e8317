// Runs the same calls on tmpfs and on scratchfs and compares everything observed.
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

// A path that converts to what system calls take. Use it within the expression that creates it.
class Path {
 public:
  explicit Path(std::string text) : text_(std::move(text)) {}
  operator const char*() const { return text_.c_str(); }  // NOLINT(google-explicit-constructor)
  const std::string& text() const { return text_; }
  Path operator/(std::string_view name) const { return Path(text_ + "/" + std::string(name)); }

 private:
  std::string text_;
};

// The directory in which a body runs, and its transcript.
class Place {
 public:
  explicit Place(std::string root) : root_(std::move(root)) {}
  Path operator/(std::string_view name) const { return root_ / name; }
  const Path& root() const { return root_; }
  // O_DIRECT, or 0 on a tmpfs that refuses it (before Linux 6.6), which gives the same answers
  // without.
  int direct() const;

  // Notes "what: 0" or "what: -1 ENOENT" and returns `result`.
  long call(std::string_view what, long result);
  // The same for calls that return a descriptor, whose number is not noted.
  int descriptor(std::string_view what, int fd);
  template <typename Value>
  void note(std::string_view what, const Value& value) {
    add(std::string(what) + ": " + text_of(value));
  }

  // Notes type, mode, links, owner, group, and the size where there is one. Directory sizes are
  // left out: tmpfs counts 20 bytes per entry, scratchfs may count differently.
  void stat(std::string_view what, const char* path);
  void fstat(std::string_view what, int fd);
  // Notes st_blocks. Only for contents of whole pages: scratchfs stores smaller ones in less than
  // the page that tmpfs uses.
  void blocks(std::string_view what, const char* path);
  // Notes which of mtime, ctime and birth time `action` changed. Leaves out atime: the kernel
  // leaves it to the daemon, which never sees reads from the page cache.
  void moved(std::string_view what, const char* path, const std::function<void()>& action);
  // Notes the sorted names with their types, without "." and "..".
  void list(std::string_view what, const char* path);
  // Notes the size and a checksum of the content.
  void content(std::string_view what, const char* path);
  void bytes(std::string_view what, std::string_view data);

  // Runs `body` as another user; what it notes goes into this transcript.
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

// Returns a name such as "ENOENT".
std::string errno_name(int error);
// Creates a file with this content without noting anything.
void make_file(const char* path, std::string_view content, mode_t mode = 0644);
std::string checksum(std::string_view data);
// Returns pseudo-random bytes, the same for the same seed.
std::string random_bytes(std::size_t count, unsigned seed);

}  // namespace scratchfs::harness

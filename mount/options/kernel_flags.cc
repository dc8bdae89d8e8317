#include "mount/options/kernel_flags.h"

#include <sys/mount.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <array>

namespace scratchfs::mount {

namespace {

#ifndef MS_NOSYMFOLLOW
constexpr KernelFlags kNoSymFollow = 256;  // linux/mount.h
#else
constexpr KernelFlags kNoSymFollow = MS_NOSYMFOLLOW;
#endif
constexpr unsigned long kStatvfsNoSymFollow = 0x2000;  // ST_NOSYMFOLLOW in linux/statfs.h

struct FlagWord {
  std::string_view word;
  KernelFlags sets;
  KernelFlags clears;
};

// As in mount(2), access times are relative unless a flag says otherwise, and strictatime overrides
// noatime.
constexpr auto kWords = std::to_array<FlagWord>({
    {"ro", MS_RDONLY, 0},
    {"rw", 0, MS_RDONLY},
    {"noexec", MS_NOEXEC, 0},
    {"exec", 0, MS_NOEXEC},
    {"sync", MS_SYNCHRONOUS, 0},
    {"async", 0, MS_SYNCHRONOUS},
    {"dirsync", MS_DIRSYNC, 0},
    {"nosymfollow", kNoSymFollow, 0},
    {"symfollow", 0, kNoSymFollow},
    {"nodiratime", MS_NODIRATIME, 0},
    {"diratime", 0, MS_NODIRATIME},
    {"noatime", MS_NOATIME, 0},
    {"atime", 0, MS_NOATIME},
    {"relatime", 0, 0},
    {"norelatime", 0, 0},
    {"strictatime", MS_STRICTATIME, 0},
    {"nostrictatime", 0, MS_STRICTATIME},
});

}  // namespace

bool is_kernel_flag(std::string_view word) {
  return std::ranges::find(kWords, word, &FlagWord::word) != kWords.end();
}

void apply_kernel_flag(std::string_view word, KernelFlags& flags) {
  const auto known = std::ranges::find(kWords, word, &FlagWord::word);
  flags = (flags & ~known->clears) | known->sets;
}

std::vector<std::string> words_of(KernelFlags flags) {
  std::vector<std::string> words;
  for (const FlagWord& word : kWords) {
    if ((flags & word.sets) != 0) words.emplace_back(word.word);
  }
  return words;
}

KernelFlags flags_of_statvfs(unsigned long flags) {
  // These bits of statvfs(3) have the same values as those of mount(2); the two below do not.
  KernelFlags result = flags & (ST_RDONLY | ST_NOSUID | ST_NODEV | ST_NOEXEC | ST_SYNCHRONOUS |
                                ST_NOATIME | ST_NODIRATIME);
  if ((flags & kStatvfsNoSymFollow) != 0) result |= kNoSymFollow;
  if ((flags & (ST_NOATIME | ST_RELATIME)) == 0) result |= MS_STRICTATIME;
  return result;
}

tree::AccessTimes access_times(KernelFlags flags) {
  using Kind = tree::AccessTimes::Kind;
  tree::AccessTimes times{.kind = Kind::relative, .directories = (flags & MS_NODIRATIME) == 0};
  if ((flags & MS_NOATIME) != 0) times.kind = Kind::never;
  if ((flags & MS_STRICTATIME) != 0) times.kind = Kind::strict;
  if ((flags & MS_RDONLY) != 0) times.kind = Kind::never;
  return times;
}

}  // namespace scratchfs::mount

// Directory listings while entries come and go.
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <set>

#include "tests/mounted/harness/fd.h"
#include "tests/mounted/harness/parity.h"

namespace scratchfs::harness {
namespace {

std::string numbered(int number) { return "entry" + std::to_string(number); }

void make_entries(Place& at, const std::string& directory, int count) {
  mkdir(at / directory, 0755);
  const Fd parent(open(at / directory, O_RDONLY | O_DIRECTORY));
  for (int i = 0; i < count; ++i) {
    Fd(openat(parent.get(), numbered(i).c_str(), O_CREAT | O_WRONLY, 0644));
  }
}

// Counts how often each name appears, except "." and "..".
std::map<std::string, int> all_names(DIR* stream) {
  std::map<std::string, int> names;
  while (const dirent* entry = readdir(stream)) {
    ++names[entry->d_name];
  }
  names.erase(".");
  names.erase("..");
  return names;
}

PARITY(ParityDirectories, TenThousandEntriesComeOnceEach) {
  make_entries(at, "d", 10000);
  DIR* stream = opendir(at / "d");
  const auto names = all_names(stream);
  at.note("different names", names.size());
  at.note("names seen twice", std::any_of(names.begin(), names.end(),
                                          [](const auto& name) { return name.second != 1; }));
  rewinddir(stream);
  at.note("again after rewinding", all_names(stream).size());
  closedir(stream);
  at.stat("the directory", at / "d");
}

// A listing would never end if it showed renamed entries again under their new names.
PARITY(ParityDirectories, AListingEndsWhereAProgramRenamesAllThatItShows) {
  make_entries(at, "d", 300);
  DIR* stream = opendir(at / "d");
  int shown = 0;
  while (const dirent* entry = readdir(stream)) {
    const std::string name = entry->d_name;
    if (name[0] == '.') continue;
    if (++shown > 1000) break;
    renameat(dirfd(stream), name.c_str(), dirfd(stream), (name + ".bak").c_str());
  }
  at.note("entries shown", shown);
  rewinddir(stream);
  const auto names = all_names(stream);
  at.note("again after rewinding", names.size());
  at.note("under its new name", names.contains("entry7.bak"));
  closedir(stream);
}

PARITY(ParityDirectories, RewindingShowsWhatWasMadeMeanwhile) {
  make_entries(at, "d", 10);
  DIR* stream = opendir(at / "d");
  at.note("at first", all_names(stream).size());
  make_file(at / "d/more", "");
  rewinddir(stream);
  at.note("after rewinding", all_names(stream).size());
  closedir(stream);
}

PARITY(ParityDirectories, EveryTypeIsTold) {
  mkdir(at / "d", 0755);
  make_file(at / "d/file", "");
  mkdir(at / "d/dir", 0755);
  symlink("x", at / "d/symlink");
  mkfifo(at / "d/fifo", 0644);
  mknod(at / "d/socket", S_IFSOCK | 0644, 0);
  mknod(at / "d/char", S_IFCHR | 0644, 0);
  at.list("d", at / "d");
}

PARITY(ParityDirectories, DotAndDotDotAreThereWithTheirInodes) {
  mkdir(at / "d", 0755);
  mkdir(at / "d/sub", 0755);
  struct stat own {
  }, parent{};
  stat(at / "d/sub", &own);
  stat(at / "d", &parent);
  DIR* stream = opendir(at / "d/sub");
  while (const dirent* entry = readdir(stream)) {
    at.note("name", entry->d_name);
    const bool dot = std::string_view(entry->d_name) == ".";
    at.note("inode is right", entry->d_ino == (dot ? own.st_ino : parent.st_ino));
    at.note("type is right", entry->d_type == DT_DIR);
  }
  closedir(stream);
}

PARITY(ParityDirectories, InodeNumbersAreThoseOfStat) {
  make_entries(at, "d", 300);
  DIR* stream = opendir(at / "d");
  int wrong = 0;
  std::set<ino_t> numbers;
  while (const dirent* entry = readdir(stream)) {
    struct stat info {};
    if (entry->d_name[0] != '.') {
      fstatat(dirfd(stream), entry->d_name, &info, AT_SYMLINK_NOFOLLOW);
      wrong += info.st_ino != entry->d_ino ? 1 : 0;
      numbers.insert(info.st_ino);
    }
  }
  closedir(stream);
  at.note("wrong ones", wrong);
  at.note("different ones", numbers.size());
}

PARITY(ParityDirectories, RemovingEachEntryAsItIsListedEmptiesTheDirectory) {
  make_entries(at, "d", 5000);
  DIR* stream = opendir(at / "d");
  int failures = 0;
  while (const dirent* entry = readdir(stream)) {
    if (entry->d_name[0] != '.' && unlinkat(dirfd(stream), entry->d_name, 0) != 0) {
      ++failures;
    }
  }
  closedir(stream);
  at.note("failures", failures);
  at.list("left", at / "d");
  at.call("rmdir", rmdir(at / "d"));
}

PARITY(ParityDirectories, WhatStaysIsSeenOnceWhateverComesAndGoes) {
  make_entries(at, "d", 2000);
  DIR* stream = opendir(at / "d");
  std::map<std::string, int> seen;
  int step = 0;
  while (const dirent* entry = readdir(stream)) {
    ++seen[entry->d_name];
    // Entries from 1500 up come and go; those below stay.
    if (step % 3 == 0 && step / 3 < 500) {
      unlinkat(dirfd(stream), numbered(1500 + step / 3).c_str(), 0);
    }
    if (step % 5 == 0 && step < 2000) {
      Fd(openat(dirfd(stream), ("new" + std::to_string(step)).c_str(), O_CREAT | O_WRONLY, 0644));
    }
    if (++step > 20000) {
      break;
    }
  }
  closedir(stream);
  int missing = 0;
  int twice = 0;
  for (int i = 0; i < 1500; ++i) {
    missing += seen[numbered(i)] == 0 ? 1 : 0;
    twice += seen[numbered(i)] > 1 ? 1 : 0;
  }
  at.note("it ends", step <= 20000);
  at.note("missing", missing);
  at.note("twice", twice);
}

PARITY(ParityDirectories, SeekdirGoesBackToWhereTelldirWas) {
  make_entries(at, "d", 1000);
  DIR* stream = opendir(at / "d");
  std::vector<std::pair<long, std::string>> places;  // the position before each name
  long place = telldir(stream);
  while (const dirent* entry = readdir(stream)) {
    places.emplace_back(place, entry->d_name);
    place = telldir(stream);
  }
  at.note("entries", places.size());
  int wrong = 0;
  for (std::size_t i = 0; i < places.size(); i += 37) {
    const std::size_t index = (i * 7919) % places.size();
    seekdir(stream, places[index].first);
    const dirent* entry = readdir(stream);
    wrong += entry == nullptr || places[index].second != entry->d_name ? 1 : 0;
  }
  at.note("wrong after seeking", wrong);
  // Positions stay valid when other entries are removed.
  for (std::size_t i = 0; i < places.size(); ++i) {
    if (i % 2 == 1 && places[i].second[0] != '.') {
      unlinkat(dirfd(stream), places[i].second.c_str(), 0);
    }
  }
  wrong = 0;
  for (std::size_t i = 0; i < places.size(); i += 2) {
    seekdir(stream, places[i].first);
    const dirent* entry = readdir(stream);
    wrong += entry == nullptr || places[i].second != entry->d_name ? 1 : 0;
  }
  at.note("wrong after removing every other", wrong);
  seekdir(stream, place);
  at.note("at the end", readdir(stream) == nullptr);
  closedir(stream);
}

PARITY(ParityDirectories, ARenamedEntryIsListedUnderOneName) {
  make_entries(at, "d", 10);
  rename(at / "d/entry3", at / "d/renamed");
  rename(at / "d/entry4", at / "d/entry5");
  link(at / "d/entry6", at / "d/linked");
  at.list("d", at / "d");
}

PARITY(ParityDirectories, TwoStreamsDoNotDisturbEachOther) {
  make_entries(at, "d", 500);
  DIR* one = opendir(at / "d");
  DIR* two = opendir(at / "d");
  for (int i = 0; i < 250; ++i) {
    readdir(one);
  }
  at.note("the second sees all", all_names(two).size());
  int rest = 0;
  while (readdir(one) != nullptr) {
    ++rest;
  }
  at.note("the first sees the rest", rest);
  closedir(one);
  closedir(two);
}

PARITY(ParityDirectories, AnEntryMadeAfterOpeningIsSeenAfterRewinding) {
  make_entries(at, "d", 3);
  DIR* stream = opendir(at / "d");
  all_names(stream);
  make_file(at / "d/late", "");
  unlink(at / "d/entry1");
  rewinddir(stream);
  const auto names = all_names(stream);
  at.note("late is there", names.contains("late"));
  at.note("entry1 is gone", !names.contains("entry1"));
  closedir(stream);
}

PARITY(ParityDirectories, ReadingADirectoryAsAFileFails) {
  mkdir(at / "d", 0755);
  const Fd directory(open(at / "d", O_RDONLY));
  char byte = 0;
  at.call("read", read(directory.get(), &byte, 1));
  at.call("pread", pread(directory.get(), &byte, 1, 0));
  at.call("ftruncate", ftruncate(directory.get(), 0));
  at.call("truncate", truncate(at / "d", 0));
  at.call("fallocate", fallocate(directory.get(), 0, 0, 1));
}

PARITY(ParityDirectories, ProcessesFillOneDirectoryTogether) {
  mkdir(at / "d", 0777);
  std::vector<Child> children;
  for (int child = 0; child < 4; ++child) {
    children.emplace_back(Who{}, [&at, child](Channel&) {
      for (int i = 0; i < 250; ++i) {
        const std::string name = "d/" + std::to_string(child) + "-" + std::to_string(i);
        make_file(at / name, name);
        if (i % 2 == 0) {
          rename(at / name, at / (name + "r"));
        }
        if (i % 5 == 0) {
          unlink(at / (i % 2 == 0 ? name + "r" : name));
        }
      }
    });
  }
  for (Child& child : children) {
    at.note("ended", child.join());
  }
  at.list("d", at / "d");
}

}  // namespace
}  // namespace scratchfs::harness

// Creating, renaming, listing and removing names.
#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <memory>
#include <stdexcept>
#include <system_error>

#include "tests/bench/files.h"
#include "tests/bench/timing.h"
#include "tests/bench/work.h"

namespace scratchfs::bench {

namespace {

constexpr std::size_t kListed = 10'000;

Batches batches_for(const Place& place) { return {place.quick ? 15U : 40U, 100}; }

std::vector<double> create_and_close(const Place& place) {
  const Batches batches = batches_for(place);
  const auto files = names(place.directory, "file", batches.count * batches.size);
  Bytes bytes(4 * kKiB);
  const double create = microseconds_each(batches, [&](std::size_t i) {
    File file(files[i], O_WRONLY | O_CREAT | O_EXCL);
    file.write_at(bytes.all(), 0);
    file.close();
  });
  const double unlink = microseconds_each(
      batches, [&](std::size_t i) { check(::unlink(files[i].c_str()), "unlink"); });
  return {create, unlink};
}

double temporary_file(const Place& place) {
  const Batches batches = batches_for(place);
  const auto files = names(place.directory, "file", batches.count * batches.size);
  Bytes bytes(4 * kKiB);
  return microseconds_each(batches, [&](std::size_t i) {
    File file(files[i], O_RDWR | O_CREAT | O_EXCL);
    file.write_at(bytes.all(), 0);
    file.read_at(bytes.all(), 0);
    file.close();
    check(unlink(files[i].c_str()), "unlink");
  });
}

double make_and_remove_directory(const Place& place) {
  const Batches batches = batches_for(place);
  const auto directories = names(place.directory, "directory", batches.count * batches.size);
  return microseconds_each(batches, [&](std::size_t i) {
    check(mkdir(directories[i].c_str(), 0700), "mkdir");
    check(rmdir(directories[i].c_str()), "rmdir");
  });
}

double rename_to_and_fro(const Place& place) {
  const std::string ends[] = {place / "here", place / "there"};
  write_new_file(ends[0], 4 * kKiB);
  return microseconds_each(batches_for(place), [&](std::size_t i) {
    check(rename(ends[i % 2].c_str(), ends[(i + 1) % 2].c_str()), "rename");
  });
}

// Lists a directory with the attributes of each entry, as `ls -l` does, or only the names. Returns
// milliseconds.
double list(const std::string& directory, bool attributes) {
  std::size_t found = 0;
  const double taken = seconds([&] {
    const std::unique_ptr<DIR, int (*)(DIR*)> stream(opendir(directory.c_str()), closedir);
    if (!stream) throw std::system_error(errno, std::generic_category(), "opendir");
    struct stat status {};
    while (const dirent* entry = readdir(stream.get())) {
      if (entry->d_name[0] == '.') continue;
      ++found;
      if (!attributes) continue;
      check(fstatat(dirfd(stream.get()), entry->d_name, &status, AT_SYMLINK_NOFOLLOW), "fstatat");
    }
  });
  if (found != kListed) throw std::runtime_error("readdir: some names are missing");
  return taken * 1e3;
}

std::vector<double> list_directory(const Place& place) {
  for (const std::string& name : names(place.directory, "a-name-like-others-", kListed)) {
    File(name, O_WRONLY | O_CREAT | O_EXCL).close();
  }
  std::vector<double> plain;
  std::vector<double> with_attributes;
  for (int i = 0; i < 5; ++i) plain.push_back(list(place.directory, false));
  for (int i = 0; i < 5; ++i) with_attributes.push_back(list(place.directory, true));
  return {median(plain), median(with_attributes)};
}

}  // namespace

std::vector<Work> name_works() {
  return {
      {.name = "create-close",
       .group = "names",
       .figures = {{"create-close", "create + write 4 KiB + close"}, {"unlink", "unlink of 4 KiB"}},
       .run = create_and_close},
      {.name = "temporary-file",
       .group = "names",
       .figures = {{"temporary-file",
                    "create + write 4 KiB + read + close + unlink",
                    Unit::microseconds,
                    {{0.75, "memfs_ll"}}}},
       .run = [](const Place& place) { return std::vector{temporary_file(place)}; },
       .unpinned = true},
      {.name = "mkdir-rmdir",
       .group = "names",
       .figures = {{"mkdir-rmdir", "mkdir + rmdir", Unit::microseconds, {{0.7, "memfs_ll"}}}},
       .run = [](const Place& place) { return std::vector{make_and_remove_directory(place)}; }},
      {.name = "rename",
       .group = "names",
       .figures = {{"rename", "rename to a free name"}},
       .run = [](const Place& place) { return std::vector{rename_to_and_fro(place)}; }},
      {.name = "readdir",
       .group = "names",
       .figures = {{"readdir-10k", "list a directory of 10,000", Unit::milliseconds},
                   {"readdir-stat-10k", "the same with a stat of each", Unit::milliseconds}},
       .run = list_directory},
  };
}

}  // namespace scratchfs::bench

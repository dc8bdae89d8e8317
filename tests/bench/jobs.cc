// Everyday jobs: other programs that work in a directory of the mount.
//
// Each script runs with PLACE (an empty directory of the mount), MATERIALS (made by
// scripts/bench.sh, on the disk) and TMPDIR (the same as PLACE) in its environment.
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <stdexcept>

#include "tests/bench/files.h"
#include "tests/bench/timing.h"
#include "tests/bench/work.h"

namespace scratchfs::bench {

namespace {

constexpr const char* kUntar = R"(tar -xf "$MATERIALS/tree.tar" -C "$PLACE")";
constexpr const char* kRemove = R"(rm -rf "$PLACE/tree")";

constexpr const char* kSort =
    R"(LC_ALL=C sort -S 16M --parallel=2 -o "$PLACE/sorted" "$MATERIALS/lines")";

constexpr const char* kTemporaryFiles = R"(/usr/bin/python3 -c '
import tempfile
for i in range(5000):
    with tempfile.NamedTemporaryFile() as file:
        file.write(b"some bytes that are needed for a moment")
        file.flush()
')";

constexpr const char* kGit =
    R"(git clone -q "file://$MATERIALS/tree.git" "$PLACE/clone" && git -C "$PLACE/clone" status -s)";

constexpr const char* kCompile = R"SH(xargs -P "$(nproc)" -I{} \
  g++ -std=c++20 -O0 -I "$MATERIALS/sources" -c -o "$PLACE/{}.o" "$MATERIALS/sources/{}" \
  <"$MATERIALS/sources/list")SH";

[[noreturn]] void become(const Place& place, const char* script) {
  setenv("PLACE", place.directory.c_str(), 1);
  setenv("TMPDIR", place.directory.c_str(), 1);
  setenv("MATERIALS", place.materials.c_str(), 1);
  execl("/bin/bash", "bash", "-euc", script, nullptr);
  _exit(127);
}

// Returns the duration in seconds.
double run_script(const Place& place, const char* script) {
  if (place.materials.empty()) throw std::runtime_error("this work needs --materials");
  return seconds([&] {
    const auto process = static_cast<pid_t>(check(fork(), "fork"));
    if (process == 0) become(place, script);
    int status = 0;
    check(waitpid(process, &status, 0), "waitpid");
    if (status != 0) throw std::runtime_error("the script failed");
  });
}

double remove_tree(const Place& place) {
  run_script(place, kUntar);
  return run_script(place, kRemove);
}

Work job(std::string_view name, std::string_view what, Target target, const char* script) {
  return {.name = name,
          .group = "jobs",
          .figures = {{name, what, Unit::seconds, {target}}},
          .run = [script](const Place& place) { return std::vector{run_script(place, script)}; },
          .pinned = false};
}

}  // namespace

std::vector<Work> job_works() {
  return {
      job("untar", "tar -x of a source tree", {1.5}, kUntar),
      {.name = "rm-rf",
       .group = "jobs",
       .figures = {{"rm-rf", "rm -rf of that tree", Unit::seconds, {{1.5}}}},
       .run = [](const Place& place) { return std::vector{remove_tree(place)}; },
       .pinned = false},
      job("sort", "external sort of 131 MB in 16 MB of memory", {1.25}, kSort),
      job("tempfiles", "5,000 times Python's NamedTemporaryFile", {3.0}, kTemporaryFiles),
      job("git", "git clone and git status of that tree", {1.5}, kGit),
      job("compile", "parallel compile, TMPDIR and objects there", {1.5}, kCompile),
  };
}

}  // namespace scratchfs::bench

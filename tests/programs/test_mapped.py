#!/usr/bin/env python3
"""Files that are mapped into memory."""
import os

from scratch import aside, main, on_both, run

PROGRAM = r"""
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { kSize = 8 << 20, kStep = 4096 };

static void must(int ok, const char* what) {
  if (!ok) { perror(what); exit(1); }
}

int main(int argc, char** argv) {
  char name[4096];
  snprintf(name, sizeof name, "%s/mapped.XXXXXX", getenv("TMPDIR"));
  int fd = mkstemp(name);
  must(fd >= 0 && ftruncate(fd, kSize) == 0, "mkstemp");
  if (argc > 1) must(close(fd) == 0 && (fd = open(name, O_RDWR)) >= 0, "open by name");
  unsigned char* shared = mmap(NULL, kSize, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  must(shared != MAP_FAILED, "mmap shared");
  for (int child = 0; child < 2; ++child)  // two processes fill every other page
    if (fork() == 0) {
      for (long at = child * kStep; at < kSize; at += 2 * kStep) memset(shared + at, 1 + child, kStep);
      _exit(0);
    }
  while (wait(NULL) > 0) {}
  unsigned char* copy = mmap(NULL, kSize, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
  must(copy != MAP_FAILED, "mmap private");
  memset(copy, 9, kSize / 2);
  must(msync(shared, kSize, MS_SYNC) == 0, "msync");
  unsigned char page[kStep];
  long sums[3] = {0, 0, 0};
  for (long at = 0; at < kSize; at += kStep) {
    must(pread(fd, page, kStep, at) == kStep, "pread");
    sums[0] += page[0] + page[kStep - 1];
    sums[1] += shared[at];
    sums[2] += copy[at];
  }
  must(pwrite(fd, "written", 7, kSize / 2) == 7 && memcmp(shared + kSize / 2, "written", 7) == 0, "coherence");
  must(close(fd) == 0, "close");
  shared[100] = 77;  // the mapping outlives the descriptor
  must(unlink(name) == 0, "unlink");
  printf("%ld %ld %ld %d\n", sums[0], sums[1], sums[2], shared[100]);
  return 0;
}
"""


def mapped(*arguments):
    (aside() / "a.c").write_text(PROGRAM)
    run("gcc", "-O1", "-pipe", "a.c", "-o", "program", cwd=aside(), env={**os.environ, "TMPDIR": str(aside())})
    return run(str(aside() / "program"), *arguments)


@on_both
def shared_and_private_mappings(tmp):
    """`mmap` of a file from `mkstemp`, shared by processes"""
    return mapped()


@on_both
def mappings_of_a_file_opened_again(tmp):
    """`mmap` of a file that was closed and opened again"""
    return mapped("again")


if __name__ == "__main__":
    main()

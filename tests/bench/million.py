#!/usr/bin/env python3
"""A million files of 100 bytes in one directory: how long each 100,000 take, and what memory they cost.

usage: tests/bench/million.py DIRECTORY [DAEMON_PID] [FILES]

DIRECTORY lies on the file system to look at, a scratchfs with its daemon's pid or a tmpfs; it is emptied again.
"""
import os
import sys
import tempfile
import time

BYTES = b"x" * 100
STEP = 100_000


def meminfo():
    with open("/proc/meminfo", encoding="ascii") as file:
        fields = dict(line.split(":") for line in file)
    return {name: int(fields[name].split()[0]) / 1024 for name in ("Slab", "MemAvailable")}


def rss(pid):
    with open(f"/proc/{pid}/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / (1 << 20)


def in_steps(what, items, act):
    times, began = [], time.monotonic()
    for i, item in enumerate(items, 1):
        act(item)
        if i % STEP == 0:
            now = time.monotonic()
            times.append(now - began)
            began = now
    print(f"{what}: {', '.join(f'{t:.1f}' for t in times)} s per {STEP}; last by first {times[-1] / times[0]:.2f}")


def create(directory):
    def act(number):
        descriptor = os.open(f"f{number}", os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600, dir_fd=directory)
        os.write(descriptor, BYTES)
        os.close(descriptor)
    return act


def main():
    place, pid = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 0
    files = int(sys.argv[3]) if len(sys.argv) > 3 else 1_000_000
    with tempfile.TemporaryDirectory(dir=place, prefix="million.") as name:
        directory = os.open(name, os.O_RDONLY | os.O_DIRECTORY)
        print(f"load {os.getloadavg()[0]:.1f}; {files} files of {len(BYTES)} bytes")
        before, own = meminfo(), rss(pid) if pid else 0
        in_steps("create", range(files), create(directory))
        time.sleep(2)  # what each core has freed but not counted yet comes in
        after = meminfo()
        print(f"memory: {rss(pid) - own if pid else 0:.0f} MiB of the daemon's, {after['Slab'] - before['Slab']:.0f} MiB of slab, "
              f"{before['MemAvailable'] - after['MemAvailable']:.0f} MiB less available")
        began = time.monotonic()
        found = len(os.listdir(name))
        print(f"list: {found} names in {time.monotonic() - began:.1f} s")
        with os.scandir(name) as entries:
            in_steps("unlink while listing", entries, lambda entry: os.unlink(entry.name, dir_fd=directory))
        left = len(os.listdir(name))
        print(f"left: {left}")
        os.close(directory)
        if found != files or left:
            sys.exit("million.py: names are missing, or were left")


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Whether the memory budget holds: eight writers at full speed against a small one, watched all the time.

usage: tests/bench/budget.py SCRATCHFS DIRECTORY [BUDGET_MIB]

Mounts below DIRECTORY, which also takes what spills, and leaves nothing there. Prints one line for each matter.
"""
import json
import os
import subprocess
import sys
import tempfile
import threading
import time

MIB = 1 << 20
WRITERS = 8


def write(path, mebibytes):
    piece = os.urandom(MIB)
    descriptor = os.open(path, os.O_CREAT | os.O_WRONLY, 0o600)
    for _ in range(mebibytes):
        if os.write(descriptor, piece) != MIB:
            os._exit(1)
    os._exit(0)


def memory_of(mount):
    """What the daemon tells of its memory, without starting a program each time."""
    descriptor = os.open(f"{mount}/.scratchfs-control", os.O_RDWR)
    try:
        os.pwrite(descriptor, b'{"version":1,"command":"status"}', 0)
        status = json.loads(os.pread(descriptor, MIB, 0))["status"]
        return status["pid"], status["memory"]
    finally:
        os.close(descriptor)


def rss_of(pid):
    with open(f"/proc/{pid}/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


class Watch(threading.Thread):
    """Looks twenty times a second."""

    def __init__(self, mount):
        super().__init__()
        self.mount, self.ended, self.samples = mount, threading.Event(), []

    def run(self):
        while not self.ended.wait(0.05):
            pid, memory = memory_of(self.mount)
            self.samples.append((time.monotonic(), memory["used"], rss_of(pid)))

    def end(self):
        self.ended.set()
        self.join()


def longest_above(samples, bound):
    longest, since = 0.0, None
    for moment, used, _ in samples:
        since = (since or moment) if used > bound else None
        longest = max(longest, moment - since if since else 0.0)
    return longest


def measure(mount, budget):
    pid, memory = memory_of(mount)
    idle = rss_of(pid)
    watch = Watch(mount)
    watch.start()
    began = time.monotonic()
    children = []
    for i in range(WRITERS):
        child = os.fork()
        if child == 0:
            write(f"{mount}/f{i}", 4 * budget // WRITERS // MIB)
        children.append(child)
    ended = [os.waitpid(child, 0)[1] for child in children]
    taken = time.monotonic() - began
    watch.end()
    if any(ended):
        sys.exit("budget.py: a writer failed")
    most = max(used for _, used, _ in watch.samples)
    rss = max(rss for _, _, rss in watch.samples)
    print(f"load {os.getloadavg()[0]:.1f}; budget {budget // MIB} MiB, {WRITERS} writers of {4 * budget // MIB} MiB in all: "
          f"{4 * budget / taken / 1e6:.0f} MB/s, {len(watch.samples)} looks")
    print(f"content at most {100 * most / budget:.1f}% of the budget; longest above 105%: "
          f"{longest_above(watch.samples, budget * 1.05):.2f} s")
    print(f"RSS: idle {idle / MIB:.0f} MiB, at most {rss / MIB:.0f} MiB, {100 * rss / budget:.1f}% of the budget")
    for i in range(WRITERS):
        os.unlink(f"{mount}/f{i}")
    deleted = time.monotonic()
    half = None
    while time.monotonic() - deleted < 30:
        rss_now, (_, memory) = rss_of(pid), memory_of(mount)
        if half is None and rss_now < rss / 2:
            half = time.monotonic() - deleted
        if memory["reserve"] <= budget / 16:
            break
        time.sleep(0.1)
    print(f"after deleting all: RSS below half after {half if half is None else round(half, 1)} s, "
          f"{rss_of(pid) / MIB:.0f} MiB after {time.monotonic() - deleted:.1f} s")


def main():
    program, directory = sys.argv[1], sys.argv[2]
    budget = (int(sys.argv[3]) if len(sys.argv) > 3 else 256) * MIB
    with tempfile.TemporaryDirectory(dir=directory, prefix="budget.") as place:
        mount, spill = f"{place}/mount", f"{place}/spill"
        os.mkdir(mount)
        os.mkdir(spill)
        subprocess.check_call([program, mount, "-o", f"lifetime=mount,memory={budget},spill={8 * budget},spill_dir={spill}"])
        try:
            measure(mount, budget)
        finally:
            subprocess.check_call([program, "umount", mount])


if __name__ == "__main__":
    main()

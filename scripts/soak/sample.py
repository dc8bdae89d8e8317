#!/usr/bin/env python3
"""Part of soak.sh: a line of figures each few seconds while the load runs, and a verdict when it has ended."""
import argparse
import json
import os
import subprocess
import time

MIB = 1 << 20
COLUMNS = ("seconds", "resident", "used", "reserve", "spilled", "charged", "inodes", "descriptors", "threads", "fuse_inode")
# How much each figure may grow over the load: malloc and the kernel keep some memory for reuse, and threads for parked
# requests are created on demand and stay.
MORE = {"resident": 48, "descriptors": 4, "threads": 32, "fuse_inode": 5000}


def status(options):
    text = subprocess.run([options.bin, "status", options.mount, "--json"], capture_output=True, check=True, text=True).stdout
    return json.loads(text)


def resident(pid):
    with open(f"/proc/{pid}/status", encoding="utf8") as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:")) / 1024


def fuse_inodes():
    with open("/proc/slabinfo", encoding="utf8") as lines:
        return next((int(line.split()[1]) for line in lines if line.startswith("fuse_inode ")), 0)


def look(options, start):
    now = status(options)
    pid = now["pid"]
    return {
        "seconds": round(time.monotonic() - start),
        "resident": round(resident(pid), 1),
        "used": round(now["memory"]["used"] / MIB, 1),
        "reserve": round(now["memory"]["reserve"] / MIB, 1),
        "spilled": round(now["spill"]["used"] / MIB, 1),
        "charged": round(sum(user["bytes"] for user in now["users"]) / MIB, 1),
        "inodes": now["files"]["inodes"],
        "descriptors": len(os.listdir(f"/proc/{pid}/fd")),
        "threads": len(os.listdir(f"/proc/{pid}/task")),
        "fuse_inode": fuse_inodes(),
    }


def runs(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="utf8") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def remove_all(place):
    subprocess.run(["find", place, "-xdev", "-mindepth", "1", "-delete"], check=True)


def judge(first, last):
    """What is wrong at the end, in words."""
    # Up to 128 KiB remain reserved for new objects (fs/tree/object_memory.h).
    for name, most in (("used", 0.1), ("spilled", 0), ("charged", 0), ("inodes", 0)):
        if last[name] > most:
            yield f"{name}: {last[name]} are left though nothing is on the mount"
    for name, more in MORE.items():
        if last[name] > first[name] + more:
            yield f"{name}: {first[name]} at first, {last[name]} at the end"


def main():
    parser = argparse.ArgumentParser()
    for name in ("--bin", "--mount", "--out"):
        parser.add_argument(name, required=True)
    parser.add_argument("--load", type=int, required=True)
    options = parser.parse_args()
    start = time.monotonic()
    first = look(options, start)
    with open(options.out, "w", encoding="utf8") as samples:
        print(*COLUMNS, sep="\t", file=samples)
        while runs(options.load):
            print(*look(options, start).values(), sep="\t", file=samples, flush=True)
            time.sleep(2)
        remove_all(options.mount)
        for _ in range(30):  # unused frames are returned after 20 seconds
            time.sleep(1)
            last = look(options, start)
            print(*last.values(), sep="\t", file=samples, flush=True)
    wrong = list(judge(first, last))
    print("soak: " + ("; ".join(wrong) if wrong else "flat: nothing is left and nothing has grown"), flush=True)
    raise SystemExit(1 if wrong else 0)


if __name__ == "__main__":
    main()

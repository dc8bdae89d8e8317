"""Which requests the kernel sends for what programs do, as the daemon counts them.

usage: requests.py SCRATCHFS MOUNTPOINT      (nobody else uses the mount meanwhile)
"""
import json
import os
import subprocess
import sys

ROUNDS = 100


class Mount:
    def __init__(self, program, path):
        self.program = program
        self.path = path
        os.mkdir(f"{path}/requests")
        os.chdir(f"{path}/requests")

    def requests(self):
        status = subprocess.check_output([self.program, "status", self.path, "--json"])
        kinds = json.loads(status)["requests"]["kinds"]
        return {name: kind["total"] for name, kind in kinds.items()}

    def count(self, work):
        """Requests of `work` alone: asking for the numbers takes some, too."""
        idle = difference(self.requests(), self.requests())
        before = self.requests()
        work()
        return difference(before, self.requests(), idle)


def difference(before, after, less={}):
    found = {name: after[name] - before.get(name, 0) - less.get(name, 0) for name in after}
    return {name: count for name, count in sorted(found.items()) if count > 0}


def each(operation):
    def work():
        for number in range(ROUNDS):
            operation(str(number))

    return work


def create(name):
    file = os.open(f"new{name}", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    os.write(file, b"x" * 4096)
    os.close(file)


def read(name):
    file = os.open(f"new{name}", os.O_RDONLY)
    while os.read(file, 65536):
        pass
    os.close(file)


def overwrite(name):
    file = os.open(f"new{name}", os.O_RDWR)
    os.pwrite(file, b"y" * 4096, 0)
    os.pread(file, 4096, 0)
    os.close(file)


def temporary(name):
    file = os.open(f"temporary{name}", os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    os.write(file, b"x" * 4096)
    os.pread(file, 4096, 0)
    os.close(file)
    os.unlink(f"temporary{name}")


def missing(name):
    try:
        os.stat(f"missing{name}")
    except FileNotFoundError:
        return
    raise AssertionError(name)


def list_thousand():
    subprocess.check_call(["ls", "-l", "thousand"], stdout=subprocess.DEVNULL)


WORKS = [
    ("create, write 4 KiB, close", each(create)),
    ("stat of it, first time", each(lambda name: os.stat(f"new{name}"))),
    ("stat again", each(lambda name: os.stat(f"new{name}"))),
    ("open, read to the end, close, first time", each(read)),
    ("the same again", each(read)),
    ("open O_RDWR, write, read, close", each(overwrite)),
    ("create, write, read, close, unlink", each(temporary)),
    ("stat of a missing name, first time", each(missing)),
    ("again", each(missing)),
    ("mkdir", each(lambda name: os.mkdir(f"directory{name}"))),
    ("rmdir", each(lambda name: os.rmdir(f"directory{name}"))),
    ("rename to a free name", each(lambda name: os.rename(f"new{name}", f"renamed{name}"))),
    ("unlink", each(lambda name: os.unlink(f"renamed{name}"))),
    ("ls -l of 1,000 files, in all", list_thousand),
    ("again, in all", list_thousand),
]


def show(requests, rounds):
    words = []
    for name, count in requests.items():
        rate = count / rounds
        if rate < 0.05:
            continue  # the first or the last of many
        words.append(name if 0.95 <= rate <= 1.05 else f"{rate:.4g} {name}")
    return ", ".join(words) or "none"


def main():
    mount = Mount(os.path.abspath(sys.argv[1]), sys.argv[2])
    os.mkdir("thousand")
    for number in range(1000):
        open(f"thousand/file{number}", "w").close()
    # What the daemon is still to be told of all that shall not count.
    os.sync()
    for what, work in WORKS:
        rounds = 1 if work is list_thousand else ROUNDS
        print(f"| {what} | {show(mount.count(work), rounds)} |")


main()

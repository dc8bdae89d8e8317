"""The two kinds of directory that the program tests compare: a tmpfs, and a scratchfs."""
import functools
import json
import mmap
import os
import subprocess
import time

_PROMISE = 1.0  # seconds from the end of a session's last process until its files are gone


def program():
    """The program under test: the one that was built with the tests, unless SCRATCHFS_BIN names another."""
    return os.environ.get("SCRATCHFS_BIN") or os.environ["SCRATCHFS_BUILT"]


@functools.cache
def slowness():
    """How many times longer everything takes: with the sanitizers that the program was built with, and on a machine
    that is slow itself (SCRATCHFS_SLOWNESS)."""
    machine = int(os.environ.get("SCRATCHFS_SLOWNESS", "1"))
    with open(program(), "rb") as file, mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as code:
        if code.find(b"__tsan_init") >= 0:
            return 8 * machine
        return (4 if code.find(b"__asan_init") >= 0 else 1) * machine


def call(*command):
    """Runs a command that must succeed; what it prints."""
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert done.returncode == 0, f"{command} ended with {done.returncode}: {done.stdout}"
    return done.stdout


class Tmpfs:
    kind = "tmpfs"

    def __init__(self, where, options):
        self._where = where
        call("mount", "-t", "tmpfs", "-o", "mode=1777,size=3G", "tmpfs", where)

    def unmount(self):
        call("umount", self._where)

    def wait_until_empty(self):
        """A tmpfs keeps what is left on it."""


class Scratch:
    kind = "scratchfs"

    def __init__(self, where, options):
        self._where = where
        self._program = program()
        call(self._program, where, "-o", ",".join(["memory=512M,spill=4G", *options]))
        self._empty = self._used()

    def unmount(self):
        call(self._program, "umount", self._where)

    def wait_until_empty(self):
        """Waits until no name is listed, and no object and no byte is left without one; the seconds the names took."""
        started = time.monotonic()
        self._wait(lambda: sorted(os.listdir(self._where)), started + _PROMISE * slowness())
        took = time.monotonic() - started
        self._wait(lambda: self._used() != self._empty and self._used(), started + 5 * _PROMISE * slowness())
        return took

    @staticmethod
    def _wait(left, deadline):
        while what := left():
            assert time.monotonic() < deadline, f"left behind: {what}"
            time.sleep(0.002)

    def status(self):
        return json.loads(call(self._program, "status", self._where, "--json"))

    def _used(self):
        files = self.status()["files"]
        return {"bytes": files["bytes"], "inodes": files["inodes"]}

"""What the program tests share: the same work with TMPDIR on a tmpfs and on a default mount, and a comparison.

A test is a file with functions marked @on_both. Each runs in a session of its own, once with each kind of directory,
and returns what it saw as JSON values; both must be the same. When the session has ended, nothing of it may be left.
"""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

_works = {}
_LONG_ENOUGH = 5  # seconds for a session's files to go; the promise is one


def on_both(function):
    """Marks a piece of work: function(tmp: pathlib.Path) -> values that json can compare."""
    _works[function.__name__] = function
    return function


def run(*command, **options):
    """Runs a command that must succeed; its standard output."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)
    if done.returncode != 0:
        raise AssertionError(f"{command} ended with {done.returncode}: {done.stdout}{done.stderr}")
    return done.stdout


def shell(script, **options):
    return run("bash", "-euo", "pipefail", "-c", script, **options)


def need(program):
    """A program that the tests install (scripts/deps.sh --tests): missing is a failure, not a skip."""
    assert shutil.which(program), f"{program} is missing: run scripts/deps.sh --tests"


class Tmpfs:
    kind = "tmpfs"

    def __init__(self, where):
        self.where = where
        run("mount", "-t", "tmpfs", "-o", "mode=1777,size=3G", "tmpfs", where)

    def unmount(self):
        run("umount", self.where)

    def check_empty(self):
        pass


class Scratch:
    kind = "scratchfs"

    def __init__(self, where):
        self.where = where
        self.program = os.environ.get("SCRATCHFS_BIN") or os.environ["SCRATCHFS_BUILT"]
        run(self.program, where, "-o", "memory=512M,spill=4G")

    def unmount(self):
        run(self.program, "umount", self.where)

    def check_empty(self):
        deadline = time.monotonic() + _LONG_ENOUGH
        while os.listdir(self.where):
            assert time.monotonic() < deadline, f"left behind: {os.listdir(self.where)}"
            time.sleep(0.02)


def _work_in_own_session(name, where):
    environment = {**os.environ, "TMPDIR": where, "TMP": where, "TEMP": where, "LC_ALL": "C.UTF-8"}
    done = subprocess.run([sys.executable, sys.argv[0], "--work", name, where], env=environment, text=True,
                          stdout=subprocess.PIPE, start_new_session=True, timeout=500)
    assert done.returncode == 0, f"{name} on {where} ended with {done.returncode}"
    return json.loads(done.stdout.splitlines()[-1])


def _compare(name, base):
    seen = {}
    for kind in (Tmpfs, Scratch):
        where = os.path.join(base, f"{name}-{kind.kind}")
        os.mkdir(where)
        mounted = kind(where)
        try:
            seen[kind.kind] = _work_in_own_session(name, where)
            mounted.check_empty()
        finally:
            mounted.unmount()
    assert seen["tmpfs"] == seen["scratchfs"], f"{name}: {json.dumps(seen, indent=1)}"


def main():
    if len(sys.argv) == 4 and sys.argv[1] == "--work":
        print(json.dumps(_works[sys.argv[2]](pathlib.Path(sys.argv[3]))))
        return
    failed = 0
    with tempfile.TemporaryDirectory(prefix="scratchfs-test.") as base:
        for name in _works:
            started = time.monotonic()
            try:
                _compare(name, base)
                print(f"ok   {name} ({time.monotonic() - started:.1f} s)", flush=True)
            except Exception as error:  # the other pieces of work are to run all the same
                failed += 1
                print(f"FAIL {name}: {error}", flush=True)
    sys.exit(1 if failed else 0)

"""Everything that a piece of work has started, daemons included: found, waited for, killed.

Whoever loses its parent becomes a child of this process (prctl(2), PR_SET_CHILD_SUBREAPER), so that what calls
setsid(2) and forks twice is still found.
"""
import contextlib
import ctypes
import os
import signal
import time

_PR_SET_CHILD_SUBREAPER = 36


@contextlib.contextmanager
def orphans_are_ours():
    """Not while a scratchfs is mounted: its daemon would become ours too."""
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    try:
        yield
    finally:
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)


def descendants():
    """The pids of all living ones, parents before children."""
    children = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/stat") as stat:
                state, parent = stat.read().rpartition(")")[2].split()[:2]
        except OSError:  # it has ended meanwhile
            continue
        if state not in "ZX":
            children.setdefault(int(parent), []).append(int(name))
    found = list(children.get(os.getpid(), []))
    for pid in found:  # grows as it goes
        found += children.get(pid, [])
    return found


def reap():
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def kill_all():
    """kill -9 of everything; parents first, so that nobody is left to tidy up after a child."""
    while pids := descendants() or descendants():  # twice: one may have forked and ended while the first looked
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        reap()
    reap()


def names_of(pids):
    names = []
    for pid in pids:
        with contextlib.suppress(OSError), open(f"/proc/{pid}/comm") as comm:
            names.append(comm.read().strip())
    return names


def left_after(seconds):
    """The names of those that have not ended by themselves within that time."""
    deadline = time.monotonic() + seconds
    while pids := descendants() or descendants():
        if time.monotonic() > deadline:
            return names_of(pids)
        reap()
        time.sleep(0.005)
    reap()
    return []

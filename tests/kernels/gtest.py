"""GoogleTest programs, test by test: what passed, what failed and what it said, even if the program dies or hangs."""
import collections
import os
import re
import selectors
import signal
import subprocess
import time

Outcome = collections.namedtuple("Outcome", "name result seconds output")  # result: passed, failed, skipped

_BEGIN = re.compile(r"^\[ RUN      \] (\S+)$")
_END = re.compile(r"^\[ *(OK|FAILED|SKIPPED) *\] (\S+?),? .*\(\d+ ms\)$")
_RESULTS = {"OK": "passed", "FAILED": "failed", "SKIPPED": "skipped"}
_SILENCE = 400  # seconds; the harness itself ends a test that hangs, five minutes after it began


def tests_of(program):
    """The names of all tests, as GoogleTest takes them in a filter."""
    listing = subprocess.run([program, "--gtest_list_tests"], stdout=subprocess.PIPE, text=True, check=True).stdout
    names, suite = [], ""
    for line in listing.splitlines():
        line = line.partition("#")[0].rstrip()
        if line.startswith("  "):
            names.append(suite + line.strip())
        elif line.endswith("."):
            suite = line
    return names


def run(program, names, environment):
    """Runs the tests in one process, and in another one what is left when that has died. Yields Outcomes."""
    left = list(names)
    while left:
        done = 0
        for outcome in _run_once(program, left, environment):
            done += 1
            left.remove(outcome.name)
            yield outcome
        if not done:
            yield Outcome(left.pop(0), "failed", 0, "the program ended without having run it")


def _lines(process):
    """What the process prints, line by line; None where it is silent for too long."""
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        pending = b""
        while selector.select(_SILENCE):
            data = os.read(process.stdout.fileno(), 65536)
            if not data:
                return
            *lines, pending = (pending + data).split(b"\n")
            yield from (line.decode(errors="replace") for line in lines)
        yield None


def _run_once(program, names, environment):
    process = subprocess.Popen([program, "--gtest_color=no", "--gtest_filter=" + ":".join(names)],
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                               env={**os.environ, **environment}, start_new_session=True)
    running, said, began = None, [], 0.0
    for line in _lines(process):
        if line is None:
            os.killpg(process.pid, signal.SIGKILL)
            said.append(f"silent for {_SILENCE} s: killed")
            break
        if begin := _BEGIN.match(line):
            running, said, began = begin[1], [], time.monotonic()
        elif (end := _END.match(line)) and running:
            yield Outcome(running, _RESULTS[end[1]], time.monotonic() - began, "\n".join(said))
            running = None
        else:
            said.append(line)
    process.stdout.close()
    code = process.wait()
    if running:
        said.append(f"the program ended with {code}")
        yield Outcome(running, "failed", time.monotonic() - began, "\n".join(said))

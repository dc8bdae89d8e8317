"""What the program tests share: the same work with TMPDIR on a tmpfs and on a scratchfs, and a comparison.

A test is a file with functions marked @on_both or @killed. Each runs in a session of its own on a mount of its own.
@on_both runs once on either kind, under the same path, and returns what it saw as JSON values; these and what is then
left in TMPDIR must be the same. @killed runs on a scratchfs until it is in the middle of its work, and is killed with
all that it has started. When the session has ended, nothing of it may be left.

The first line of a function's docstring is the program's name in the table of docs/semantics.md, which
scripts/test-programs.sh --strict-table makes. Functions without one are not in it.

usage: test_X.py [--strict FILE] [NAME...]
"""
import collections
import contextlib
import difflib
import fnmatch
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

import processes
from mounts import Scratch, Tmpfs, slowness

Work = collections.namedtuple("Work", "name function title needs unless options left when",
                              defaults=("", (), None, (), "sizes", None))
_works = {}
_PATIENCE = 200  # seconds for one piece of work, times slowness()
_LONG_FORM = pathlib.Path(sys.argv[0]).name.startswith("long_")


class Failed(Exception):
    """A command that had to succeed did not."""


def _register(function, **marks):
    title = (function.__doc__ or "").strip().partition("\n")[0].rstrip(".")
    _works[function.__name__] = Work(function.__name__, function, title, **marks)
    return function


def on_both(function=None, **marks):
    """Marks a piece of work: function(tmp: pathlib.Path) -> values that json can compare.

    needs: programs that must be there; unless: a function that tells why it cannot run here, or None;
    options: further mount options; left: what is compared of all that is left, "sizes" (and types and depths),
    "kinds" (no sizes), or "nothing"."""
    return _register(function, **marks) if function else lambda it: _register(it, **marks)


def killed(when, **marks):
    """Marks a piece of work that does not end by itself; when(tmp) is true when it is in the middle."""
    return lambda it: _register(it, when=when, **marks)


def there_are(count, pattern):
    """For killed(): that many entries match the pattern, which is relative to TMPDIR."""
    return lambda tmp: len(fnmatch.filter(os.listdir(tmp), pattern) if "/" not in pattern
                           else list(tmp.glob(pattern))) >= count


def run(*command, **options):
    """Runs a command that must succeed; its standard output."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace",
                          **{"stdin": None if "input" in options else subprocess.DEVNULL, **options})
    if done.returncode != 0:
        raise Failed(f"{pathlib.Path(command[0]).name} ended with {done.returncode}\n{done.stderr}{done.stdout}")
    return done.stdout


def shell(script, **options):
    return run("bash", "-euo", "pipefail", "-c", script, **options)


def eventually(condition, seconds=60):
    """Waits for a condition; its value."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise Failed(f"waited {seconds} s in vain")
        time.sleep(0.005)
    return value


def aside():
    """An empty directory that is not on the mount: for what is no temporary file."""
    return pathlib.Path(os.environ["ASIDE"])


def uses_tmpdir(tmp):
    """Python's tempfile tries whether it can write to TMPDIR, and takes another directory where it cannot."""
    if tempfile.gettempdir() != str(tmp):
        raise Failed(f"tempfile takes {tempfile.gettempdir()} instead of TMPDIR, without a word")


def need(program):
    """A program that the tests install (scripts/deps.sh --tests): missing is a failure, not a skip."""
    assert shutil.which(program), f"{program} is missing: run scripts/deps.sh --tests"


def _missing(work):
    """Why the work cannot run here, or None."""
    for program in work.needs:
        if not shutil.which(program):
            return f"{program} is not installed"
    return work.unless() if work.unless else None


def _what_is_left(tmp, compared):
    """Depth, type and size of all there is: names have random parts."""
    left = []
    if compared == "nothing":
        return left
    for path in tmp.rglob("*"):
        status = path.lstat()
        kind = f"{status.st_mode >> 12:o}"
        left.append([len(path.relative_to(tmp).parts), kind, status.st_size if compared == "sizes" and path.is_file() else 0])
    return sorted(left)


def _work(name, where):
    """What the process of a piece of work does: one line of JSON on stdout."""
    work = _works[name]
    seen = work.function(pathlib.Path(where))
    print("\n" + json.dumps({"seen": seen, "left": _what_is_left(pathlib.Path(where), work.left)}))


def _environment(where, away):
    kept = {name: value for name, value in os.environ.items()
            if not name.startswith(("GIT_", "CCACHE_", "MAKE", "XDG_", "VIM", "TMUX", "GPG_", "SSH_"))}
    return {**kept, "TMPDIR": where, "TMP": where, "TEMP": where, "ASIDE": away, "HOME": away, "LC_ALL": "C.UTF-8",
            "TZ": "UTC", "TERM": "xterm", "GIT_CONFIG_NOSYSTEM": "1", "PYTHONDONTWRITEBYTECODE": "1"}


@contextlib.contextmanager
def _mounted(kind, base, options):
    where, away = os.path.join(base, "mnt"), os.path.join(base, "aside")
    os.mkdir(where)
    os.mkdir(away)
    mounted = kind(where, options)
    try:
        yield mounted, where, away
    finally:
        mounted.unmount()
        os.rmdir(where)
        shutil.rmtree(away)


class Session:
    """A piece of work in a session of its own."""

    def __init__(self, work, where, away, base):
        self._output = open(os.path.join(base, "output"), "w+")
        self._errors = open(os.path.join(base, "errors"), "w+")
        self.process = subprocess.Popen([sys.executable, sys.argv[0], "--work", work.name, where], text=True,
                                        env=_environment(where, away), stdin=subprocess.DEVNULL, stdout=self._output,
                                        stderr=self._errors, start_new_session=True)

    def result(self):
        """What the work has seen. Raises Failed if it has not come to its end, or not without leaving processes."""
        try:
            code = self.process.wait(_PATIENCE * slowness())
        except subprocess.TimeoutExpired:
            raise Failed("hangs") from None
        output, errors = self.told()
        if code != 0:
            raise Failed(errors.partition("scratch.Failed: ")[2] or errors)
        left = processes.left_after(30)
        assert not left, f"still running: {left}"
        return json.loads(output.splitlines()[-1])

    def told(self):
        for file in (self._output, self._errors):
            file.seek(0)
        return self._output.read(), self._errors.read()

    def kill(self):
        processes.kill_all()
        self.process.wait()


def _run_on(kind, work, base, options=()):
    with _mounted(kind, base, [*work.options, *options]) as (mounted, where, away):
        with processes.orphans_are_ours():
            session = Session(work, where, away, base)
            try:
                result = session.result()
            except Failed as error:
                raise Failed(f"on {kind.kind}: {error}") from None
            finally:
                session.kill()
        if not options:
            mounted.wait_until_empty()
    return result


def _difference(expected, seen):
    lines = [json.dumps(value, indent=1).splitlines() for value in (expected, seen)]
    return "\n".join(list(difflib.unified_diff(*lines, "tmpfs", "scratchfs", lineterm=""))[:60])


def _compare(work, base):
    expected = _run_on(Tmpfs, work, base)
    seen = _run_on(Scratch, work, base)
    assert seen == expected, _difference(expected, seen)
    return ""


def _kill(work, base):
    with _mounted(Scratch, base, work.options) as (mounted, where, away):
        with processes.orphans_are_ours():
            session = Session(work, where, away, base)
            try:
                deadline = time.monotonic() + _PATIENCE * slowness()
                while not work.when(pathlib.Path(where)):
                    assert session.process.poll() is None, f"ended before its middle: {session.told()}"
                    assert time.monotonic() < deadline, f"never came to its middle: {session.told()}"
                    time.sleep(0.002)
            finally:
                session.kill()
        took = mounted.wait_until_empty()
    return f", empty after {1000 * took:.0f} ms"


def _try_in_strict(work, base):
    """A row of the table in docs/semantics.md."""
    expected = _run_on(Tmpfs, work, base)
    try:
        seen = _run_on(Scratch, work, base, ["lifetime=strict"])
    except Failed as error:
        return {"title": work.title, "works": False, "otherwise": str(error)}
    difference = _difference(expected["seen"], seen["seen"])
    return {"title": work.title, "works": not difference, "otherwise": difference}


def each(works, do, absent=lambda work: None):
    """Runs do(work, base) for each, which returns a note; the number of those that failed."""
    failed = 0
    for work in works:
        if reason := _missing(work):
            if _LONG_FORM:
                print(f"absent {work.name}: {reason}", flush=True)
                absent(work)
                continue
            print(f"FAIL {work.name}: {reason}: run scripts/deps.sh --tests", flush=True)
            failed += 1
            continue
        started = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="scratchfs-test.") as base:
            os.chmod(base, 0o755)  # some works become another user
            try:
                note = do(work, base)
                print(f"ok   {work.name} ({time.monotonic() - started:.1f} s{note or ''})", flush=True)
            except Exception as error:  # the other pieces of work are to run all the same
                failed += 1
                print(f"FAIL {work.name}: {error}", flush=True)
    return failed


def main():
    arguments = sys.argv[1:]
    if arguments[:1] == ["--work"]:
        return _work(*arguments[1:])
    rows = None
    if arguments[:1] == ["--strict"]:
        rows, arguments = arguments[1], arguments[2:]
    chosen = [work for work in _works.values() if not arguments or work.name in arguments]
    if rows is None:
        sys.exit(1 if each(chosen, lambda work, base: (_kill if work.when else _compare)(work, base)) else 0)
    table = []
    failed = each([work for work in chosen if work.title and not work.when],
                   lambda work, base: table.append(_try_in_strict(work, base)),
                   lambda work: table.append({"title": work.title, "absent": True}))
    pathlib.Path(rows).write_text(json.dumps(table))
    sys.exit(1 if failed else 0)

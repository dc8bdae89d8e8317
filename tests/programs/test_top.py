#!/usr/bin/env python3
"""`scratchfs top` on a terminal of 80x24, that tmux draws; and --once, for scripts."""
import contextlib
import os
import shlex
import subprocess
import sys
import tempfile
import time

from mounts import Scratch, program, slowness

_PATIENCE = 30 * slowness()  # seconds


class Terminal:
    """A command on a screen of 80x24."""

    def __init__(self, base, *command):
        # One of its own: the server of the last one may not have gone yet.
        self._socket = os.path.join(tempfile.mkdtemp(dir=base), "tmux")
        script = f"{shlex.join(command)}; echo ended $?; exec cat"
        self._tmux("new-session", "-d", "-x", "80", "-y", "24", script)

    def _tmux(self, *words):
        done = subprocess.run(["tmux", "-f", "/dev/null", "-S", self._socket, *words], capture_output=True, text=True,
                              env={**os.environ, "TERM": "xterm", "LC_ALL": "C.UTF-8"})
        assert done.returncode == 0, f"tmux {words[0]}: {done.stderr}"
        return done.stdout

    def press(self, *keys):
        self._tmux("send-keys", *keys)

    def screen(self):
        return self._tmux("capture-pane", "-p").splitlines()

    def shows(self, condition):
        """Waits for a screen of which that is true; its lines."""
        deadline = time.monotonic() + _PATIENCE
        while not condition(lines := self.screen()):
            assert time.monotonic() < deadline, "\n".join(["never seen; the last screen is", *lines])
            time.sleep(0.02)
        return lines

    def ends(self, code):
        """Waits for the command's end with that exit code; what is on the screen then."""
        return self.shows(lambda lines: f"ended {code}" in lines)

    def close(self):
        subprocess.run(["tmux", "-S", self._socket, "kill-server"], capture_output=True)


@contextlib.contextmanager
def writer(where):
    """A process that writes to the mount all the time; its pid."""
    code = ("import os, sys, time\n"
            "file = os.open(sys.argv[1], os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600)\n"
            "while True:\n"
            "    os.pwrite(file, b'x' * 65536, 0)\n"
            "    time.sleep(0.02)\n")
    process = subprocess.Popen([sys.executable, "-c", code, os.path.join(where, "written")], start_new_session=True)
    try:
        yield process.pid
    finally:
        process.kill()
        process.wait()


def row(lines, first):
    """The words of the row that begins so."""
    return next((line.split() for line in lines if line.startswith(first)), [])


def a_live_screen(base, where):
    with writer(where) as pid:
        terminal = Terminal(base, program(), "top", where, "--seconds", "0.2")
        try:
            # By user: who fills it, and that it goes on.
            lines = terminal.shows(lambda lines: "/s" in (row(lines, "root") or [""])[-1] and
                                   row(lines, "root")[-1] != "0/s")
            assert len(lines) <= 24 and all(len(line) <= 80 for line in lines), lines
            assert lines[0].startswith(f"scratchfs {where}"), lines[0]
            assert "q:quit" in lines[23], lines
            terminal.press("p")
            lines = terminal.shows(lambda lines: "PID" in row(lines, "COMMAND"))
            assert [str(pid)] == row(lines, "python3")[1:2], lines
            terminal.press("s")
            lines = terminal.shows(lambda lines: "SESSION" in row(lines, "COMMAND"))
            assert [str(pid)] == row(lines, "python3")[1:2], lines
            terminal.press("u")
            terminal.shows(lambda lines: "LIMIT" in row(lines, "USER"))
            terminal.press("q")
            terminal.ends(0)
        finally:
            terminal.close()


def the_end_of_the_mount(base, where, unmount):
    terminal = Terminal(base, program(), "top", where, "--seconds", "0.2")
    try:
        terminal.shows(lambda lines: "USER" in row(lines, "USER"))
        unmount()
        lines = terminal.ends(1)
        assert any(line.startswith("scratchfs: ") for line in lines), lines
    finally:
        terminal.close()


def once(where):
    with writer(where) as pid:
        deadline = time.monotonic() + _PATIENCE
        while True:
            done = subprocess.run([program(), "top", where, "--once", "--seconds", "0.2", "--by", "process"],
                                  capture_output=True, text=True)
            assert done.returncode == 0, done.stderr
            found = row(done.stdout.splitlines(), "python3")
            if found[1:2] == [str(pid)] and found[4] != "0/s":
                return
            assert time.monotonic() < deadline, done.stdout


def no_terminal(where):
    done = subprocess.run([program(), "top", where], capture_output=True, text=True, stdin=subprocess.DEVNULL)
    assert done.returncode == 2 and "--once" in done.stderr, done


def main():
    with tempfile.TemporaryDirectory(prefix="scratchfs-test.") as base:
        where = os.path.join(base, "mnt")
        os.mkdir(where)
        mounted = Scratch(where, [])
        gone = False

        def unmount():
            nonlocal gone
            mounted.unmount()
            gone = True

        try:
            once(where)
            no_terminal(where)
            a_live_screen(base, where)
            the_end_of_the_mount(base, where, unmount)
        finally:
            if not gone:
                mounted.unmount()
    print("ok   top")


if __name__ == "__main__":
    main()

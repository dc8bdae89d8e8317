"""What the tests of this folder share: an installation in a directory of its own, and commands that must succeed."""
import atexit
import contextlib
import functools
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import time

SOURCE = pathlib.Path(__file__).resolve().parents[2]


def program():
    """The program under test: the one that was built with the tests, unless SCRATCHFS_BIN names another."""
    return os.environ.get("SCRATCHFS_BIN") or os.environ["SCRATCHFS_BUILT"]


def run(*command, **options):
    """Runs a command that must succeed; its standard output."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          **{"stdin": None if "input" in options else subprocess.DEVNULL, **options})
    assert done.returncode == 0, f"{command} ended with {done.returncode}\n{done.stderr}{done.stdout}"
    return done.stdout


def temporary_directory():
    """A directory that is removed at the end; every user may look into it."""
    directory = pathlib.Path(tempfile.mkdtemp(prefix="scratchfs-test-installed-"))
    directory.chmod(0o755)
    atexit.register(shutil.rmtree, directory)
    return directory


@functools.cache
def prefix():
    """Where `cmake --install` put everything, once for each test program."""
    where = temporary_directory() / "usr"
    run("cmake", "--install", os.environ["SCRATCHFS_BUILD"], "--prefix", str(where))
    return where


@contextlib.contextmanager
def mounted(where, options="memory=16M"):
    """A scratchfs on an existing directory."""
    run(program(), str(where), "-o", options)
    try:
        yield where
    finally:
        run(program(), "umount", str(where))


def eventually(condition, seconds=60):
    """Waits until it holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never came to hold"
        time.sleep(0.02)


@functools.cache
def help_pages():
    """What --help-all says: the general page under "", and that of each command under its name."""
    parts = re.split(r"^---- (\w+)\n", run(program(), "--help-all"), flags=re.MULTILINE)
    return {"": parts[0], **dict(zip(parts[1::2], parts[2::2]))}


def flags_of(page):
    """The long names, and short ones without a long, of the flags on a page of help."""
    return [names.split(",")[-1] for names in re.findall(r"^  (-\S+)", page, flags=re.MULTILINE)]


def mount_options():
    """The options for -o: name and value, such as ("memory", "SIZE"), or ("nonempty", "")."""
    _, _, listed = help_pages()["mount"].partition("Options for -o")
    return re.findall(r"^  ([a-z_]+)=?(\S*) ", listed, flags=re.MULTILINE)

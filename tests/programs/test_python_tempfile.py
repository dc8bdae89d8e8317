#!/usr/bin/env python3
"""Python's tempfile in all its forms."""
import array
import fcntl
import mmap
import os
import socket
import stat
import subprocess
import sys
import tempfile

from scratch import main, on_both, run, uses_tmpdir


@on_both
def gettempdir_is_the_mount(tmp):
    """Python `tempfile.gettempdir()`"""
    uses_tmpdir(tmp)
    return tempfile.gettempdir()


@on_both
def temporary_file(tmp):
    """Python `TemporaryFile(dir=)`"""
    with tempfile.TemporaryFile("w+", dir=tmp) as file:
        file.write("one\ntwo\n")
        file.seek(0)
        return [file.read(), os.fstat(file.fileno()).st_nlink, os.listdir(tmp)]


@on_both
def named_temporary_file(tmp):
    """Python `NamedTemporaryFile(dir=)`, 3.11 and before"""
    with tempfile.NamedTemporaryFile("w", suffix=".txt", prefix="pre-", dir=tmp) as file:
        file.write("contents")
        file.flush()
        name = file.name
        read_by_another = run("cat", name)
        looks = [os.path.basename(name).startswith("pre-"), name.endswith(".txt")]
    return [read_by_another, looks, os.path.exists(name)]


@on_both
def named_temporary_file_that_stays(tmp):
    """Python `NamedTemporaryFile(dir=, delete=False)`"""
    with tempfile.NamedTemporaryFile("w", dir=tmp, delete=False) as file:
        file.write("for another process")
    seen = [run("cat", file.name), os.path.exists(file.name)]
    os.unlink(file.name)
    return seen + [os.path.exists(file.name)]


@on_both
def temporary_directory_with_nested_files(tmp):
    """Python `TemporaryDirectory(dir=)` with files in it"""
    with tempfile.TemporaryDirectory(dir=tmp) as directory:
        deep = os.path.join(directory, "a", "b", "c")
        os.makedirs(deep)
        for number in range(20):
            with open(os.path.join(deep, f"file{number}"), "w") as file:
                file.write(str(number) * 1000)
        read = [open(os.path.join(deep, f"file{number}")).read() for number in range(20)]
        walked = sorted(name for _, _, names in os.walk(directory) for name in names)
    return [read == [str(number) * 1000 for number in range(20)], walked, os.path.exists(directory)]


@on_both
def spooled_file_that_rolls_over(tmp):
    """Python `SpooledTemporaryFile(dir=)`, rolling over"""
    with tempfile.SpooledTemporaryFile(max_size=1000, mode="w+b", dir=tmp) as file:
        file.write(b"x" * 900)
        before = file._rolled
        file.write(b"y" * 900)
        file.seek(0)
        return [before, file._rolled, len(file.read())]


@on_both
def mkstemp_with_fdopen(tmp):
    """Python `mkstemp(dir=)`, closed and then looked at"""
    descriptor, path = tempfile.mkstemp(dir=tmp)
    with os.fdopen(descriptor, "w") as file:
        file.write("12345")
    status = os.stat(path)
    seen = [status.st_size, stat.S_IMODE(status.st_mode)]
    os.unlink(path)
    return seen + [os.path.exists(path)]


@on_both
def mkdtemp_with_a_file(tmp):
    directory = tempfile.mkdtemp(prefix="job", suffix=".d", dir=tmp)
    path = os.path.join(directory, "plain")
    with open(path, "w") as file:
        file.write("still here")
    return [stat.S_IMODE(os.stat(directory).st_mode), open(path).read(), os.listdir(directory)]


@on_both
def mapped_file(tmp):
    """Python `mmap` of a temporary file"""
    with tempfile.NamedTemporaryFile("w+b", dir=tmp) as file:
        file.truncate(64 * 1024)
        with mmap.mmap(file.fileno(), 0) as mapped:
            mapped[1000:1005] = b"hello"
            mapped.flush()
        file.seek(1000)
        return [file.read(5).decode(), os.fstat(file.fileno()).st_size]


@on_both
def locked_file(tmp):
    with tempfile.NamedTemporaryFile() as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        code = ("import fcntl, sys\n"
                "try: fcntl.flock(open(sys.argv[1]), fcntl.LOCK_EX | fcntl.LOCK_NB); print('got it')\n"
                "except BlockingIOError: print('refused')")
        while_held = run(sys.executable, "-c", code, file.name)
        fcntl.flock(file, fcntl.LOCK_UN)
        return [while_held, run(sys.executable, "-c", code, file.name)]


@on_both
def descriptor_passed_over_a_socket(tmp):
    """Python: a descriptor passed over a socket"""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    descriptor, path = tempfile.mkstemp(dir=tmp)
    os.write(descriptor, b"passed on")
    os.unlink(path)
    code = ("import array, os, socket\n"
            "s = socket.socket(fileno=3)\n"
            "_, data, _, _ = s.recvmsg(1, socket.CMSG_SPACE(4))\n"
            "fd = array.array('i', data[0][2][:4])[0]\n"
            "print(os.pread(fd, 100, 0).decode(), os.fstat(fd).st_nlink)")
    child = subprocess.Popen([sys.executable, "-c", code], pass_fds=[3] if theirs.fileno() == 3 else [],
                             stdout=subprocess.PIPE, text=True,
                             preexec_fn=lambda: os.dup2(theirs.fileno(), 3, inheritable=True), close_fds=False)
    ours.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [descriptor]))])
    os.close(descriptor)
    return child.communicate()[0]


@on_both
def many_at_once(tmp):
    files = [tempfile.NamedTemporaryFile(delete=index % 2 == 0) for index in range(500)]
    for index, file in enumerate(files):
        file.write(b"%d" % index)
        file.flush()
    there = len(os.listdir(tmp))
    for file in files:
        file.close()
    return [there, len(os.listdir(tmp))]


if __name__ == "__main__":
    main()

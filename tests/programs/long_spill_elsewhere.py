#!/usr/bin/env python3
"""Spilling to file systems on the network: GlusterFS over two servers, and sshfs, both from this machine to itself.

Four times the memory is written, read back and compared, and deleted; then the daemon is killed, and the next one
removes whatever names are left. Prints what was seen.

usage: long_spill_elsewhere.py [--strict FILE] [NAME...]
"""
import contextlib
import hashlib
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time

from mounts import Scratch, call, slowness
from scratch import Work, each

MEMORY = 64 << 20
CHUNK = 1 << 20


def eventually(condition, what, seconds=30):
    deadline = time.monotonic() + seconds * slowness()
    while not (value := condition()):
        assert time.monotonic() < deadline, f"{what}: waited in vain"
        time.sleep(0.05)
    return value


def free_port():
    with socket.socket() as chosen:
        chosen.bind(("127.0.0.1", 0))
        return chosen.getsockname()[1]


def is_listening(port):
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


@contextlib.contextmanager
def running(*command, log):
    """A program that stays in the foreground, for as long as it is needed."""
    with open(log, "w") as output:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(30)


BRICK = """
volume posix
  type storage/posix
  option directory {directory}
end-volume
volume locks
  type features/locks
  subvolumes posix
end-volume
volume brick
  type performance/io-threads
  subvolumes locks
end-volume
volume server
  type protocol/server
  option transport-type tcp
  option transport.socket.listen-port {port}
  option transport.socket.bind-address 127.0.0.1
  option auth.addr.brick.allow 127.0.0.1
  subvolumes brick
end-volume
"""
REMOTE = """
volume remote{number}
  type protocol/client
  option transport-type tcp
  option remote-host 127.0.0.1
  option remote-port {port}
  option remote-subvolume brick
end-volume
"""
VOLUME = """
volume all
  type cluster/distribute
  subvolumes remote0 remote1
end-volume
"""


@contextlib.contextmanager
def glusterfs(base):
    """GlusterFS, distributed over two servers"""
    with contextlib.ExitStack() as stack:
        volume = ""
        stores = []
        for number in range(2):
            port, directory = free_port(), base / f"brick{number}"
            directory.mkdir()
            stores.append(directory)
            description = base / f"brick{number}.vol"
            description.write_text(BRICK.format(directory=directory, port=port))
            stack.enter_context(running("glusterfsd", "-N", "-f", description, "-l", base / f"brick{number}.log",
                                        log=base / "output"))
            eventually(lambda port=port: is_listening(port), "glusterfsd does not listen")
            volume += REMOTE.format(number=number, port=port)
        (base / "volume").write_text(volume + VOLUME)
        where = base / "network"
        where.mkdir()
        stack.enter_context(running("glusterfs", "-N", "-f", base / "volume", "-l", base / "client.log", where,
                                    log=base / "output"))
        eventually(lambda: os.path.ismount(where), "glusterfs does not mount")
        stack.callback(call, "umount", where)
        spill = where / "spill"
        eventually(lambda: made(spill), "glusterfs takes no directory")
        yield spill, [store / "spill" for store in stores]


def made(directory):
    """Servers may not all be there yet."""
    with contextlib.suppress(OSError):
        directory.mkdir()
    return directory.exists()


SSHD = """
Port {port}
ListenAddress 127.0.0.1
HostKey {base}/host
PidFile none
AuthorizedKeysFile {base}/key.pub
StrictModes no
UsePAM no
PasswordAuthentication no
PermitRootLogin prohibit-password
Subsystem sftp internal-sftp
"""


@contextlib.contextmanager
def sshfs(base):
    """sshfs, to an sshd of its own"""
    port, store, where = free_port(), base / "store", base / "network"
    store.mkdir()
    for name in ("host", "key"):
        call("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", base / name)
    (base / "sshd.conf").write_text(SSHD.format(port=port, base=base))
    os.makedirs("/run/sshd", exist_ok=True)
    with running("/usr/sbin/sshd", "-D", "-e", "-f", base / "sshd.conf", log=base / "sshd.log"):
        eventually(lambda: is_listening(port), "sshd does not listen")
        where.mkdir()
        options = ",".join((f"IdentityFile={base}/key", "StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null",
                            "LogLevel=ERROR"))
        call("sshfs", "-p", str(port), "-o", options, f"root@127.0.0.1:{store}", where)
        try:
            yield where, [store]
        finally:
            call("umount", where)


def mount(where, spill):
    return Scratch(where, ["lifetime=mount", f"memory={MEMORY}", "spill=2G", f"spill_dir={spill}"])


def chunks(count):
    """Bytes that no two places share."""
    for number in range(count):
        yield hashlib.shake_128(str(number).encode()).digest(CHUNK)


def allocated(stores):
    return sum(entry.stat(follow_symlinks=False).st_blocks * 512
               for store in stores for entry in store.rglob("*"))


def rate(began):
    return f"{4 * MEMORY / 1e6 / (time.monotonic() - began):.0f} MB/s"


def four_times_the_memory(scratch, where, stores):
    path, count = where / "file", 4 * MEMORY // CHUNK
    began = time.monotonic()
    with open(path, "wb", buffering=0) as file:
        for chunk in chunks(count):
            assert file.write(chunk) == CHUNK
    seen = f"written at {rate(began)}"
    # ...in which making the bytes up takes its time as well.
    spilled = scratch.status()["spill"]["used"]
    assert spilled > 2.5 * MEMORY, f"only {spilled} bytes were spilled"
    began = time.monotonic()
    with open(path, "rb", buffering=0) as file:
        for number, chunk in enumerate(chunks(count)):
            assert file.read(CHUNK) == chunk, f"other bytes in MiB {number}"
    seen += f", read back at {rate(began)}"
    path.unlink()
    eventually(lambda: scratch.status()["spill"]["used"] == 0, "deleted, and still spilled")
    eventually(lambda: allocated(stores) < MEMORY // 8, "deleted, and the space is not given back")
    return seen


def names(directory):
    return sorted(entry.name for entry in directory.iterdir())


def spills_to(kind, base):
    with kind(base) as (spill, stores):
        where = base / "mnt"
        where.mkdir()
        scratch = mount(where, spill)
        try:
            during = names(spill)
            seen = four_times_the_memory(scratch, where, stores)
            os.kill(scratch.status()["pid"], signal.SIGKILL)
            eventually(lambda: not os.path.ismount(where), "a dead daemon's mount stays")
            left = names(spill)
            scratch = mount(where, spill)
            assert not set(left) & set(names(spill)), f"the next one left {left}"
        finally:
            if os.path.ismount(where):
                scratch.unmount()
        eventually(lambda: not names(spill), f"names left: {names(spill)}")
        return f", {seen}; {len(during)} names while mounted, {len(left)} after kill -9, 0 at the end"


WORKS = [Work("glusterfs", glusterfs, needs=("glusterfsd", "glusterfs")),
         Work("sshfs", sshfs, needs=("sshfs", "/usr/sbin/sshd", "ssh-keygen"))]


def main():
    arguments = sys.argv[1:]
    if arguments[:1] == ["--strict"]:  # nothing here depends on the lifetime
        pathlib.Path(arguments[1]).write_text("[]")
        return 0
    chosen = [work for work in WORKS if not arguments or work.name in arguments]
    return 1 if each(chosen, lambda work, base: spills_to(work.function, pathlib.Path(base))) else 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""Part of soak.sh: programs that use MOUNT for SECONDS as their TMPDIR, each kind over and over, as three users."""
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

USERS = (0, 61501, 61502)
MIB = 1 << 20
PIECE = os.urandom(MIB)


def temporary_files(_):
    """A few hundred short-lived files, some of them grown, mapped or passed on."""
    for _ in range(300):
        with tempfile.NamedTemporaryFile() as file:
            file.write(PIECE[: random.randrange(1, 20000)])
            file.flush()
            os.stat(file.name)
    with tempfile.TemporaryFile() as file:
        file.truncate(1 << 40)
        file.seek(1 << 39)
        file.write(b"x")


def trees(place):
    """A directory tree, renamed, linked and removed in pieces."""
    with tempfile.TemporaryDirectory(dir=place) as top:
        for i in range(30):
            os.makedirs(f"{top}/{i}/a/b")
            for j in range(10):
                with open(f"{top}/{i}/a/b/{j}", "wb") as file:
                    file.write(PIECE[: random.randrange(0, 9000)])
            os.rename(f"{top}/{i}/a/b", f"{top}/{i}/c")
            os.link(f"{top}/{i}/c/0", f"{top}/{i}/link")
            os.symlink("c/1", f"{top}/{i}/symlink")
        shutil.rmtree(f"{top}/3")


def big_files(place):
    """More than the budget, read back in no order, with holes punched into it."""
    with tempfile.TemporaryFile(dir=place) as file:
        for _ in range(200):
            file.write(PIECE)
        for _ in range(200):
            at = random.randrange(200)
            file.seek(at * MIB)
            piece = file.read(MIB)
            if piece not in (PIECE, bytes(MIB)):
                raise SystemExit(f"soak: MiB {at} is not what was written")
            if random.random() < 0.2:
                subprocess.run(["fallocate", "-p", "-o", str(at * MIB), "-l", str(MIB), f"/proc/self/fd/{file.fileno()}"],
                               pass_fds=[file.fileno()], check=True)


def sorting(_):
    """An external sort."""
    subprocess.run("seq 200000 | shuf | sort -S 1M -n | tail -n 1 | grep -qx 200000", shell=True, check=True)


def sessions(place):
    """Sessions that leave what they claimed behind, half of them killed."""
    for i in range(20):
        job = subprocess.Popen(["sh", "-c", f"cd {place}; mktemp; d=$(mktemp -d); cp /etc/passwd $d; mkfifo $d/f; exec sleep {i % 2}"],
                               start_new_session=True, stdout=subprocess.DEVNULL)
        if i % 2:
            time.sleep(0.05)
            job.kill()
        job.wait()


def again_and_again(work, place, user, until):
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)
    os.setsid()
    os.environ["TMPDIR"] = place
    tempfile.tempdir = place
    rounds = 0
    while time.monotonic() < until:
        work(place)
        rounds += 1
    print(f"soak: {work.__name__}, user {user}: {rounds} rounds", flush=True)


def main():
    place, seconds = sys.argv[1], float(sys.argv[2])
    until = time.monotonic() + seconds
    children = []
    for number, work in enumerate((temporary_files, trees, big_files, sorting, sessions)):
        child = os.fork()
        if child == 0:
            again_and_again(work, place, USERS[number % len(USERS)], until)
            os._exit(0)
        children.append(child)
    signal.signal(signal.SIGTERM, lambda *_: [os.kill(child, signal.SIGKILL) for child in children])
    failed = [child for child in children if os.waitpid(child, 0)[1] != 0]
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()

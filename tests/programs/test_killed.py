#!/usr/bin/env python3
"""kill -9 of everything in the middle of its work: within a second nothing of it is on the mount."""
import multiprocessing
import os
import pathlib
import tempfile
import time

from scratch import aside, killed, main, run, shell, there_are

PROJECT = pathlib.Path(__file__).resolve().parents[2]


def wait_to_be_killed():
    while True:
        time.sleep(60)


@killed(there_are(1, "cc*"))
def gcc(tmp):
    # The assembler waits for the C compiler, which waits for the rest of the source.
    os.mkfifo(aside() / "a.c")
    shell('(echo "int x;"; exec sleep 600) > "$ASIDE/a.c" & gcc -c "$ASIDE/a.c" -o "$ASIDE/a.o"')


@killed(there_are(3, "build/*.o"))
def make(tmp):
    build = tmp / "build"
    build.mkdir()
    (build / "Makefile").write_text("all: 1.o 2.o 3.o 4.o\n%.o: %.c\n\t$(CC) -c $<\n4.o:\n\tsleep 600\n")
    for number in range(1, 4):
        (build / f"{number}.c").write_text(f"int f{number};\n")
    run("make", "-j4", cwd=build)


@killed(there_are(3, "sort*"))
def sort(tmp):
    shell("(seq 1000000; exec sleep 600) | sort -S 256K")


@killed(there_are(1, "*/file500"))
def a_script_with_a_trap(tmp):
    shell('d=$(mktemp -d); trap "rm -rf $d" EXIT TERM; for i in $(seq 500); do echo $i > "$d/file$i"; done; sleep 600')


@killed(there_are(4, "*"))
def a_script_with_names(tmp):
    shell('f=$(mktemp); g=$(mktemp); echo x | tee "$f" > "$g"; mkfifo "$TMPDIR/fifo"; ln -s "$f" "$TMPDIR/link"; '
          'cat "$TMPDIR/fifo"')


@killed(there_are(100, "*"))
def python_temporary_files(tmp):
    files = [tempfile.NamedTemporaryFile(delete=False) for _ in range(100)]
    hidden = [tempfile.TemporaryFile() for _ in range(100)]
    for file in files[:50] + hidden:
        file.write(b"x" * 100000)
        file.flush()
    for file in files[50:]:
        file.close()
    wait_to_be_killed()


def fill(directory, number):
    path = os.path.join(directory, str(number))
    os.makedirs(path)
    for index in range(200):
        with open(os.path.join(path, str(index)), "w") as file:
            file.write("x" * 5000)
    wait_to_be_killed()


@killed(there_are(3, "tmp*/*/199"))
def python_processes_in_a_directory(tmp):
    directory = tempfile.mkdtemp()
    children = [multiprocessing.get_context("fork").Process(target=fill, args=(directory, number))
                for number in range(3)]
    for child in children:
        child.start()
    wait_to_be_killed()


@killed(there_are(1, "deep/0/*/*/*/*/*/*/*/*/*/file"))
def a_deep_tree(tmp):
    for number in range(20):
        path = tmp / "deep" / str(19 - number) / "/".join("abcdefghi")
        path.mkdir(parents=True)
        (path / "file").write_text("x")
    wait_to_be_killed()


@killed(there_are(300, "clone/d/*"))
def git_clone(tmp):
    # The filter of the last file keeps the clone waiting.
    shell('git -c init.defaultBranch=main init -q origin; cd origin; mkdir d; for i in $(seq 300); do echo $i > d/$i; done; '
          'echo "last filter=wait" > .gitattributes; echo > last; git add .; '
          'git -c user.name=n -c user.email=e@example.org commit -qm first', cwd=aside())
    run("git", "-c", "filter.wait.smudge=sleep 600", "clone", "-q", "--no-hardlinks", str(aside() / "origin"), "clone",
        cwd=tmp)


@killed(there_are(50, "out/*/*/*"))
def tar(tmp):
    shell(f'mkdir "$TMPDIR/out"; (tar -C "{PROJECT}" -cf - fs mount tests; exec sleep 600) | tar -C "$TMPDIR/out" -xf -')


@killed(lambda tmp: len(list(tmp.glob("copy/*/*"))) > 20, needs=("rsync",))
def rsync(tmp):
    shell(f'while :; do rsync -a "{PROJECT}/fs/" "$TMPDIR/copy/"; rm -r "$TMPDIR/copy"; done')


@killed(lambda tmp: any(path.stat().st_size > 100000 for path in tmp.glob("*/*-wal")), needs=("sqlite3",))
def a_database_in_a_transaction(tmp):
    shell('d=$(mktemp -d); (echo "pragma journal_mode=wal; create table t (x); pragma cache_size=10; begin; '
          'insert into t with recursive n (i) as (select 1 union all select i + 1 from n where i < 100000) select i from n;"; '
          'exec sleep 600) | sqlite3 "$d/db"')


@killed(there_are(1, "tmux-*/*"), needs=("tmux",))
def a_terminal_multiplexer(tmp):
    run("tmux", "-f", "/dev/null", "new-session", "-d", "sleep 600", env={**os.environ, "TMUX_TMPDIR": str(tmp)})
    wait_to_be_killed()


@killed(there_are(1, "agent"), needs=("ssh-agent",))
def an_agent_for_keys(tmp):
    run("ssh-agent", "-s", "-a", str(tmp / "agent"))
    wait_to_be_killed()


@killed(there_are(1, "*/S.gpg-agent"), needs=("gpg-connect-agent",))
def an_agent_for_gnupg(tmp):
    shell('export GNUPGHOME=$(mktemp -d); gpg-connect-agent -q /bye; sleep 600')


@killed(there_are(1, "*.sw?"), needs=("vim.tiny",))
def an_editor(tmp):
    shell('sleep 600 | vim.tiny -u NONE -N -es --cmd "set directory=$TMPDIR" "$ASIDE/text"')


@killed(there_are(1, "*.lock"))
def those_who_wait_for_a_lock(tmp):
    shell('f=$(mktemp --suffix=.lock); for i in 1 2 3; do flock "$f" sleep 600 & done; wait')


@killed(there_are(2, "*"))
def a_mapped_file(tmp):
    code = ("import mmap, os, tempfile, time\n"
            "file = tempfile.NamedTemporaryFile(); file.truncate(16 << 20)\n"
            "mapped = mmap.mmap(file.fileno(), 0)\n"
            "for at in range(0, 16 << 20, 4096): mapped[at] = 1\n"
            "open(os.path.join(os.environ['TMPDIR'], 'loose'), 'w') and tempfile.mkstemp()\n"
            "time.sleep(600)\n")
    run("python3", "-c", code)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""What Python's standard library and pip keep in TMPDIR, apart from tempfile itself."""
import concurrent.futures
import dbm.dumb
import logging.handlers
import multiprocessing
import multiprocessing.managers
import os
import shelve
import shutil
import sqlite3
import tempfile
import zipfile

from scratch import aside, main, on_both, run, shell, uses_tmpdir


def add_a_line(path, number):
    with open(path, "a") as file:
        file.write(f"{number}\n")


def file_of(number):
    descriptor, path = tempfile.mkstemp(prefix=f"part{number}-")
    with os.fdopen(descriptor, "w") as file:
        file.write(str(number) * 1000)
    return path


def with_processes(method, tmp):
    uses_tmpdir(tmp)
    context = multiprocessing.get_context(method)
    descriptor, path = tempfile.mkstemp()
    os.close(descriptor)
    children = [context.Process(target=add_a_line, args=(path, number)) for number in range(3)]
    for child in children:
        child.start()
    for child in children:
        child.join()
    with open(path) as file:
        lines = sorted(file.read().split())
    os.unlink(path)
    return [lines, [child.exitcode for child in children]]


@on_both
def multiprocessing_with_fork(tmp):
    """Python `multiprocessing`, fork: children append to a file from `mkstemp`"""
    return with_processes("fork", tmp)


@on_both
def multiprocessing_with_spawn(tmp):
    """Python `multiprocessing`, spawn: the same"""
    return with_processes("spawn", tmp)


@on_both
def multiprocessing_with_a_fork_server(tmp):
    return with_processes("forkserver", tmp)


@on_both
def a_manager(tmp):
    """Python `multiprocessing.Manager`, its socket in TMPDIR"""
    uses_tmpdir(tmp)
    with multiprocessing.get_context("spawn").Manager() as manager:
        shared = manager.dict()
        shared["key"] = [1, 2, 3]
        return [dict(shared), manager.address.startswith(str(tmp))]


@on_both
def a_pool_that_hands_over_names(tmp):
    """Python `concurrent.futures`: workers hand over names of files from `mkstemp`"""
    uses_tmpdir(tmp)
    with concurrent.futures.ProcessPoolExecutor(2) as pool:
        paths = list(pool.map(file_of, range(20)))
    contents = []
    for path in paths:
        with open(path) as file:
            contents.append(file.read())
        os.unlink(path)
    return contents == [str(number) * 1000 for number in range(20)]


@on_both
def threads_that_make_files(tmp):
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        paths = list(pool.map(file_of, range(200)))
    sizes = {os.path.getsize(path) for path in paths}
    for path in paths:
        os.unlink(path)
    return [len(paths), sorted(sizes)]


@on_both
def a_shelf(tmp):
    """Python `shelve` and `dbm` files in a `TemporaryDirectory`"""
    uses_tmpdir(tmp)
    with tempfile.TemporaryDirectory() as directory:
        with shelve.open(os.path.join(directory, "shelf")) as shelf:
            shelf["a"] = {"x": list(range(1000))}
        with shelve.open(os.path.join(directory, "shelf")) as shelf:
            read = sum(shelf["a"]["x"])
        with dbm.dumb.open(os.path.join(directory, "dumb"), "c") as database:
            database[b"k"] = b"v"
        with dbm.dumb.open(os.path.join(directory, "dumb")) as database:
            return [read, database[b"k"].decode(), len(os.listdir(directory)) > 2]


@on_both
def a_database(tmp):
    """Python `sqlite3`, a database in a `TemporaryDirectory`"""
    uses_tmpdir(tmp)
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "data.db")
        for turn in range(2):
            connection = sqlite3.connect(path)
            with connection:
                connection.execute("create table if not exists t (x)")
                connection.executemany("insert into t values (?)", [(number,) for number in range(5000)])
            total = connection.execute("select sum(x) from t").fetchone()[0]
            connection.close()
        return [total, os.listdir(directory)]


@on_both
def archives(tmp):
    """Python `shutil.make_archive`, `zipfile`"""
    uses_tmpdir(tmp)
    with tempfile.TemporaryDirectory() as directory:
        os.makedirs(os.path.join(directory, "tree", "sub"))
        for number in range(30):
            with open(os.path.join(directory, "tree", "sub", str(number)), "w") as file:
                file.write(str(number) * 100)
        names = [shutil.make_archive(os.path.join(directory, "a"), kind, os.path.join(directory, "tree"))
                 for kind in ("zip", "gztar")]
        with zipfile.ZipFile(names[0]) as archive:
            first = [archive.testzip(), len(archive.namelist())]
        shutil.unpack_archive(names[1], os.path.join(directory, "out"))
        return [first, len(os.listdir(os.path.join(directory, "out", "sub")))]


@on_both
def logs_that_rotate(tmp):
    directory = tempfile.mkdtemp()
    handler = logging.handlers.RotatingFileHandler(os.path.join(directory, "log"), maxBytes=1000, backupCount=3)
    for number in range(200):
        handler.emit(logging.makeLogRecord({"msg": f"line {number}"}))
    handler.close()
    return sorted((name, os.path.getsize(os.path.join(directory, name))) for name in os.listdir(directory))


@on_both(needs=("/usr/bin/pip3",))
def pip_installs_a_local_package(tmp):
    """`pip install` of a local source package"""
    uses_tmpdir(tmp)
    package = aside() / "package"
    (package / "hello").mkdir(parents=True)
    (package / "setup.py").write_text("from setuptools import setup\n"
                                      "setup(name='hello', version='1.0', packages=['hello'])\n")
    (package / "hello/__init__.py").write_text("WORD = 'installed'\n")
    shell('/usr/bin/python3 -m pip install -q --no-index --no-build-isolation --no-cache-dir --no-compile '
          '--disable-pip-version-check --root-user-action=ignore --target "$ASIDE/target" ./package', cwd=aside())
    return [run("/usr/bin/python3", "-c", "import hello; print(hello.WORD)", cwd=aside() / "target"),
            sorted(os.listdir(aside() / "target"))]


if __name__ == "__main__":
    main()

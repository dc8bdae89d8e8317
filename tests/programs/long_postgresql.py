#!/usr/bin/env python3
"""PostgreSQL with its temporary tables and files on the mount; its backends are sessions of their own."""
import contextlib
import glob
import os
import pwd

from scratch import aside, killed, main, on_both, run

BIN = max(glob.glob("/usr/lib/postgresql/*/bin"), default="")
SORT = ("set work_mem = '64kB'; set temp_tablespaces = 'scratch'; "
        "create temp table t as select (i * 7919) % 100003 as x, repeat('y', 50) as y from generate_series(1, 100000) i; "
        "create index on t (x); select sum(x), count(*) from (select x from t order by y, x desc offset 50000) s; ")


def not_there():
    return None if BIN and os.path.exists(f"{BIN}/initdb") else "PostgreSQL's server is not installed"


def user():
    """A user who may run it: root must not."""
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise AssertionError("neither postgres nor nobody is a user here")


def as_user(*command, **options):
    who = user()
    return run(f"{BIN}/{command[0]}", *command[1:], user=who.pw_uid, group=who.pw_gid, extra_groups=[], cwd="/", **options)


def owned(path):
    path.mkdir()
    os.chown(path, user().pw_uid, user().pw_gid)
    return path


def psql(tmp, sql):
    return as_user("psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-h", str(tmp / "sockets"), "-d", "postgres", input=sql)


def start(tmp):
    """A server whose data lie on the disk, and whose temporary files and socket on the mount."""
    data, space, _ = owned(aside() / "data"), owned(tmp / "space"), owned(tmp / "sockets")
    as_user("initdb", "-N", "-A", "trust", "-U", user().pw_name, "-D", str(data))
    as_user("pg_ctl", "-w", "-D", str(data), "-l", str(data / "log"), "-o",
            f"-c listen_addresses= -c fsync=off -c log_temp_files=0 -k {tmp / 'sockets'}", "start")
    psql(tmp, f"create tablespace scratch location '{space}';")


def stop():
    as_user("pg_ctl", "-w", "-D", str(aside() / "data"), "-m", "fast", "stop")


@on_both(unless=not_there, left="kinds")
def temporary_tables_and_sorts(tmp):
    """PostgreSQL with `temp_tablespaces` on the mount"""
    start(tmp)
    try:
        seen = psql(tmp, SORT + "select count(*) > 0 from pg_class where relname = 't' and relpersistence = 't';")
        again = psql(tmp, SORT)  # another backend
        log = (aside() / "data/log").read_text()
        return [seen, again, f"temporary file: path \"pg_tblspc" in log, "ERROR" in log]
    finally:
        stop()


@on_both(unless=not_there, left="kinds")
def tables_that_stay(tmp):
    """PostgreSQL: an ordinary table in a tablespace on the mount"""
    start(tmp)
    try:
        psql(tmp, "create table stays (x int) tablespace scratch; insert into stays select generate_series(1, 50000); "
                  "checkpoint; vacuum full stays;")
        as_user("pg_ctl", "-w", "-D", str(aside() / "data"), "-m", "fast", "restart", "-l", str(aside() / "data/log"))
        return psql(tmp, "select sum(x) from stays; drop table stays; drop tablespace scratch;")
    finally:
        stop()


@killed(lambda tmp: list(tmp.glob("space/*/pgsql_tmp/pgsql_tmp*")), unless=not_there)
def a_server_in_the_middle_of_a_sort(tmp):
    start(tmp)
    psql(tmp, SORT.replace("100000)", "3000000)") + "select pg_sleep(600);")


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""sqlite3: temporary files, and databases on the mount."""
import os
import subprocess

from scratch import aside, main, on_both, run

ROWS = "create table t (x, y); insert into t with recursive n (i) as (select 1 union all select i + 1 from n " \
       "where i < {0}) select (i * 7919) % 1000003, hex(zeroblob(50)) from n;"


def sqlite(database, sql):
    return run("sqlite3", "-batch", database, input=sql)


@on_both(needs=("sqlite3",))
def temporary_files(tmp):
    """`sqlite3` with `temp_store=file`: sorts and temporary tables in TMPDIR"""
    return sqlite(str(aside() / "db"),
                  "pragma temp_store=file; pragma temp.cache_size=10; pragma cache_size=10;"
                  + ROWS.format(60000) + "create index i on t (x); create temp table u as select * from t order by y, x; "
                  "select sum(x) from (select x from u order by x desc limit 1000); pragma integrity_check;")


@on_both(needs=("sqlite3",))
def vacuum(tmp):
    """`sqlite3`: `vacuum` of a database elsewhere"""
    return sqlite(str(aside() / "db"), ROWS.format(20000) + "delete from t where x % 2; vacuum; select count(*) from t;")


@on_both(needs=("sqlite3",))
def a_database_with_a_rollback_journal(tmp):
    """`sqlite3`: a database on the mount, with a rollback journal"""
    path = run("mktemp").strip()
    sqlite(path, ROWS.format(5000))
    first = sqlite(path, "begin; delete from t; rollback; select count(*) from t; pragma integrity_check;")
    return [first, run("ls", "-A", str(tmp)).count("\n")]


@on_both(needs=("sqlite3",))
def a_database_in_wal_mode(tmp):
    """`sqlite3` in WAL mode, a database on the mount, two processes at once"""
    directory = run("mktemp", "-d").strip()
    path = f"{directory}/data.db"
    sqlite(path, "pragma journal_mode=wal; pragma wal_autocheckpoint=20; create table t (who, x);")
    insert = "pragma busy_timeout=20000; " + "".join(f"insert into t values ('{{0}}', {i});" for i in range(200))
    writers = [subprocess.Popen(["sqlite3", path], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
               for _ in range(2)]
    for number, writer in enumerate(writers):
        writer.stdin.write(insert.format(number))
        writer.stdin.close()
    ended = [writer.wait() for writer in writers]
    return [ended, sqlite(path, "select who, count(*), sum(x) from t group by who; pragma integrity_check;")]


@on_both(needs=("sqlite3",))
def a_wal_database_in_the_root(tmp):
    """`sqlite3` in WAL mode, a database from `mktemp`"""
    path = run("mktemp", "--suffix=.db").strip()
    with subprocess.Popen(["sqlite3", "-bail", path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as first:
        first.stdin.write("pragma journal_mode=wal; create table t (x); insert into t values (7); select 'written';\n")
        first.stdin.flush()
        told = [first.stdout.readline(), first.stdout.readline()]
        while_open = [name.rpartition(".")[2] for name in sorted(os.listdir(tmp))]
        read = sqlite(path, "select x from t;")
    return [told, while_open, read, first.returncode, sqlite(path, "select x from t;")]


if __name__ == "__main__":
    main()

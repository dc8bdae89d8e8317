#!/usr/bin/env python3
"""Puts the table of what works in strict into docs/semantics.md, between its two markers.

usage: strict_table.py DOCUMENT ROWS... (files that test_X.py --strict has written)

Rows of programs that are not installed here stay as they are in the document.
"""
import json
import pathlib
import re
import sys

BEGIN = "<!-- strict table: made by scripts/test-programs.sh --strict-table -->"
END = "<!-- end of the strict table -->"
TELLING = [re.compile(pattern, re.I) for pattern in (r"no ?such ?file|instead of", r"cannot|can't|fail|error|no '|hangs|not found")]
# What is random in the names of temporary files.
RANDOM = [(re.compile(pattern), plain) for pattern, plain in (
    (r"[^\s'\"]*/scratchfs-test\.\w+/mnt", "$TMPDIR"),
    (r"[^\s'\"]*/scratchfs-test\.\w+/aside", "$HOME"),
    (r"\bcc\w{6}\.", "ccXXXXXX."),
    (r"\b(sort|git-blob-|zi)\w{6}\b", r"\1XXXXXX"),
    (r"\b(tmp\.)\w{10}\b", r"\1XXXXXXXXXX"),
    (r"\b(tmp|pre-|part\d-)\w{8}\b", r"\1XXXXXXXX"),
    (r"\.#lk0x\S+\b", ".#lkXXXXXX"),
    (re.escape(str(pathlib.Path(__file__).resolve().parents[2])), "."),
    (r"\bv\w{6}/", "vXXXXXX/"),
    (r"-[0-9a-f]{6}\.o\b", "-XXXXXX.o"),
    (r"(\.(?:txt|md))\.\w{6}\b", r"\1.XXXXXX"),
    (r"\bjob-\w{6}\b", "job-XXXXXX"),
    (r"\b(pre|lib|nio)\d{10,}", r"\1XXXXXX"),
    (r"go-build\d+", "go-buildXXXXXX"),
)]


def what_it_says(told):
    """The one line of a program's words that tells most, without what is random in it."""
    told = told.removeprefix("on scratchfs: ")
    lines = [line.strip() for line in told.splitlines() if line.strip()]
    line = next((line for telling in TELLING for line in lines if telling.search(line)), (lines[1:] or lines or [""])[0])
    for pattern, plain in RANDOM:
        line = pattern.sub(plain, line)
    line = line if len(line) <= 120 else line[:117] + "..."
    return line.replace("|", "\\|").replace("`", "'")


def line_of(row):
    if row["works"]:
        return f"| {row['title']} | yes | |"
    return f"| {row['title']} | no | `{what_it_says(row['otherwise'])}` |"


def main():
    document = pathlib.Path(sys.argv[1])
    before, _, rest = document.read_text().partition(BEGIN)
    old, _, after = rest.partition(END)
    assert rest and after, f"{document} lacks the markers"
    known = {line.split(" | ")[0].removeprefix("| "): line for line in old.splitlines() if line.startswith("| ")}
    rows = [row for path in sys.argv[2:] for row in json.loads(pathlib.Path(path).read_text())]
    lines = [known.get(row["title"]) if row.get("absent") else line_of(row) for row in rows]
    table = ["| program | works in `strict` | what happens otherwise |", "| --- | --- | --- |", *filter(None, lines)]
    document.write_text(before + BEGIN + "\n" + "\n".join(table) + "\n" + END + after)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Checks that the sources and docs/locking.md list the same locks under the same ranks."""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MUTEX = re.compile(r"\b(?:std::(?:recursive_|shared_|timed_)*mutex|(?:base::)?(?:Shared)?Mutex) (\w+)(?:\{(?:base::)?Rank::(\w+)\})?;")
SCOPE = re.compile(r"^(?:class|struct) (?:alignas\(\d+\) )?(?:[A-Z]+\(.*?\) )?(\w+)|^base::Result<void> (\w+)\(")
WRAPPERS = {"fs/base/mutex.h"}  # the building block of all others


def locks_in_sources():
    """(rank, the class at the outermost level, member) of each lock."""
    for file in sorted([*ROOT.glob("fs/**/*.h"), *ROOT.glob("fs/**/*.cc"), *ROOT.glob("mount/**/*.h"), *ROOT.glob("mount/**/*.cc")]):
        if str(file.relative_to(ROOT)) in WRAPPERS:
            continue
        scope = "?"
        for line in file.read_text().splitlines():
            if found := SCOPE.match(line):
                scope = found[1] or found[2] + "()"
            if found := MUTEX.search(line):
                yield found[2] or "leaf", scope, found[1]


def ranks_in_sources():
    text = (ROOT / "fs/base/lock_order.h").read_text()
    return re.findall(r"^  (\w+),", re.search(r"enum class Rank.*?\{(.*?)\};", text, re.S)[1], re.M)


def lines_in_docs():
    """(rank, names in the column of locks) of each line of the tables."""
    leaves = False
    for line in (ROOT / "docs/locking.md").read_text().splitlines():
        if not line.startswith("|"):
            continue
        leaves = leaves or line.startswith("| leaf |")
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        names = re.findall(r"`([\w:]+(?:\(\))?)`", cells[0] if leaves else " ".join(cells[1:2]))
        if names:
            yield "leaf" if leaves else cells[0].strip("`"), names


def main():
    findings = []
    ranks = ranks_in_sources()
    told = list(lines_in_docs())
    ordered = list(dict.fromkeys(rank for rank, _ in told))
    if ordered != ranks:
        findings.append(f"docs/locking.md has the ranks {' '.join(ordered)}; fs/base/lock_order.h {' '.join(ranks)}")
    names = {(rank, name) for rank, row in told for name in row}
    used = set()
    for rank, scope, member in locks_in_sources():
        known = [(rank, f"{scope}::{member}"), (rank, scope)]
        used.update(known)
        if names.isdisjoint(known):
            findings.append(f"docs/locking.md: {scope}::{member} is missing from rank {rank}")
    findings += [f"docs/locking.md: {name} is no lock of rank {rank}" for rank, name in sorted(names - used)]
    print(*findings, sep="\n", end="\n" if findings else "", file=sys.stderr)
    return 1 if findings else 0


sys.exit(main())

"""The table of scripts/test-kernels.sh: reads NAME.json and NAME.console of each guest in a directory, shows what
failed and why, and how many tests passed. Exits with 1 where something failed or a guest did not come to its end.

usage: table.py RESULTS NAME...
"""
import collections
import json
import pathlib
import sys

# "lacking": failed on a kernel that lacks what is tested.
_RESULTS = ("passed", "failed", "skipped", "lacking")
_CONSOLE = 60  # lines of it that are shown


def read(path):
    """The guest's objects; one that it had begun when it ended is left out."""
    found = []
    for line in path.read_text(errors="replace").splitlines() if path.exists() else []:
        try:
            found.append(json.loads(line))
        except ValueError:
            pass
    return found


def show_console(name, path, tests):
    last = tests[-1]["test"] if tests else "none"
    print(f"\n{name}: the guest did not come to its end; the last test that did: {last}; the end of its console:")
    print("\n".join(path.read_text(errors="replace").splitlines()[-_CONSOLE:] if path.exists() else []))


def examine(name, directory):
    """Shows what went wrong; rows of the table, and whether all is well."""
    told = read(directory / f"{name}.json")
    kernel = next((line["kernel"] for line in told if "kernel" in line), "did not start")
    tests = [line for line in told if "test" in line]
    counts = collections.defaultdict(collections.Counter)
    for test in tests:
        counts[test["transport"]][test["result"]] += 1
        if test["result"] == "failed":
            print(f"\n{name}: failed over {test['transport']}: {test['test']} ({test['seconds']} s)\n{test['output']}")
    ended = any("end" in line for line in told)
    if not ended:
        show_console(name, directory / f"{name}.console", tests)
    rows = [[name, kernel, transport, *(str(counts[transport][result]) for result in _RESULTS),
             "" if ended else "did not end"] for transport in sorted(counts) or ["none"]]
    return rows, ended and all(count["failed"] == 0 for count in counts.values())


def main(results, *names):
    rows, well = [["", "kernel", "transport", *_RESULTS, ""]], True
    for name in names:
        more, fine = examine(name, pathlib.Path(results))
        rows += more
        well &= fine
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    print()
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())
    return 0 if well else 1


sys.exit(main(*sys.argv[1:]))

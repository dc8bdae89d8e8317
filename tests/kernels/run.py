"""What runs in a guest of scripts/test-kernels.sh. Prints a JSON object a line:

{"kernel": ..., "set": ..., "protocol": ..., "offered": [...]}     what the kernel is, and what it offers at INIT
{"transport": ..., "test": ..., "result": ..., "seconds": ..., "output": ...}   one for each test
{"end": true}                                                      all have run

transport: dev_fuse, io_uring (where the kernel has it), or auto for tests that leave it to scratchfs.
result: passed, failed, skipped, or lacking: failed, as it must on a kernel that lacks what is tested.

usage: run.py quick|full
"""
import fnmatch
import json
import os
import pathlib
import re
import subprocess
import sys
import time

import gtest
from offered import offered

LAB = pathlib.Path("/lab")
SWITCH = pathlib.Path("/sys/module/fuse/parameters/enable_uring")
# A program, its tests by patterns (those with a minus are left out), and variables.
Suite = tuple[str, list[str], dict[str, str]]

GONE_AFTER_CLOSE = "*/Closing.OneThread*"

# They make thousands of calls, which take a minute in an emulated machine.
SLOW = ["ParityDirectories.TenThousand*", "ParityDirectories.RemovingEach*", "ParityDirectories.WhatStays*",
        "ParityDirectories.Seekdir*", "ParityIo.SmallFilesGrow*"]

GTEST: dict[str, list[Suite]] = {
    "quick": [
        ("parity_tests", ["*", *("-" + test for test in SLOW)], {}),
        ("mounted_tests", [
            "*/DeletionClaimed.ALooseFile*", "*/DeletionClaimed.AKilledSession*", "*/DeletionClaimed.EveryExclusive*",
            "*/DeletionClaimed.UnlinkActs*", "*/DeletionStrict.*", "*/Quota.FallocateGives*", "*/Quota.StatfsAnswers*",
            "*/Spill.FourTimesTheBudgetComesBackFromOneProcess/*"], {}),
        ("stress_tests", ["*/Kills.LeaveNeither*"], {}),
        ("mounted_tests", [GONE_AFTER_CLOSE], {"SCRATCHFS_ROUNDS": "3000"}),
    ],
    "full": [
        ("parity_tests", ["*"], {}),
        ("mounted_tests", ["*", "-" + GONE_AFTER_CLOSE], {}),
        ("stress_tests", ["*/Kills.*"], {}),
        ("mounted_tests", [GONE_AFTER_CLOSE], {"SCRATCHFS_ROUNDS": "10000"}),
    ],
}

# Of tests/programs: a file, and functions of it; none: all.
PROGRAMS: dict[str, list[tuple[str, list[str]]]] = {
    "quick": [
        ("test_git", ["clone_and_status"]),
        ("test_sqlite", ["a_database_in_wal_mode"]),
        ("test_compilers", ["gcc"]),
        ("test_mapped", []),
    ],
    "full": [
        ("test_git", []),
        ("test_sqlite", []),
        ("test_compilers", ["gcc", "gcc_with_pipes", "gcc_with_link_time_optimization", "gxx", "a_build_in_the_mount",
                            "make_with_jobs"]),
        ("test_mapped", []),
        ("test_scripts", []),
        ("test_python_tempfile", []),
        ("test_python_libraries", ["multiprocessing_with_fork", "multiprocessing_with_spawn", "a_shelf", "a_database",
                                   "archives"]),
        ("test_killed", ["gcc", "sort", "git_clone", "a_database_in_a_transaction", "a_mapped_file"]),
    ],
}

# What kernels before a version lack, and the tests that may fail there for that reason. Where it is tmpfs that lacks
# something, there is nothing to compare with.
LACKING: list[tuple[tuple[int, int], str, list[str]]] = [
    ((6, 6), "FUSE tells no birth times", ["ParityAttributes.BirthTimeIsKeptAndTold_*"]),
    ((6, 6), "the control file, which bypasses the page cache, cannot be mapped", [
        "*/Control.WhatTheKernelWritesBackIsNobodysRequest/*"]),
    ((6, 6), "files are read through the page cache, which moves no access times and hides from the daemon what is "
             "stored through mappings, so that all of a file counts as data (docs/transport.md)", [
        "ParityFlags.AccessTimesAreKeptAsARemountSays_*", "ParityFlags.AReadOnlyMountIsReadOnlyAndCanBeWritableAgain_*",
        "ParityMmap.HolesAreFoundAgainOnceNobodyMapsTheFile_*", "ParitySpace.HolesReadAsZeros_*",
        "ParitySpace.WhatIsAllocatedIsAHoleUntilItIsWritten_*", "ParitySpace.PunchedHolesReadAsZerosAndGiveSpaceBack_*",
        "ParitySpace.TruncateCutsAndGrows_*"]),
    ((6, 6), "tmpfs has no O_DIRECT", [
        "ParityPrivileges.SetIdBitsThatAUsersChangeClearsAreGoneAtOnce_*",
        "ParityPrivileges.SetIdBitsStayWhereRootChangesTheFile_*",
        "ParityPrivileges.CapabilitiesDoNotOutliveAChange_*"]),
    ((6, 6), "tmpfs loses its place in a listing when entries go", [
        "ParityDirectories.SeekdirGoesBackToWhereTelldirWas_*"]),
    ((6, 6), "tmpfs has no attributes of users", [
        "ParityXattr.SetGetListRemove_*", "ParityXattr.ValuesOfAnyBytes_*",
        "ParityXattr.CreateAndReplaceAskWhatIsThere_*", "ParityXattr.BuffersTellTheSizeOrAreTooSmall_*",
        "ParityXattr.NamesAndValuesThatAreTooLong_*", "ParityXattr.OnEveryKindOfFile_*", "ParityXattr.AsksWhoMay_*",
        "ParityXattr.StayWithTheFile_*", "ParityXattr.SettingMovesCtime_*"]),
]

_PROGRAM_LINE = re.compile(r"^(ok  |FAIL) (\w+)(?:: (.*)| \(([0-9.]+) s.*\))$")
_COMPLAINT = re.compile(r"BUG:|WARNING:|Oops|general protection|blocked for more than|lockdep|refcount_t|KASAN|UBSAN")


def tell(**what):
    if len(what.get("output", "")) > 6000:
        what["output"] = what["output"][:3000] + "\n...\n" + what["output"][-3000:]
    print(json.dumps(what), flush=True)


def kernel_version():
    return tuple(int(part) for part in os.uname().release.split(".")[:2])


def lacking(test):
    """Why the test cannot pass on this kernel, or None."""
    return next((reason for since, reason, patterns in LACKING
                 if kernel_version() < since and chosen([test], patterns)), None)


def has_uring():
    return SWITCH.exists() and SWITCH.read_text().startswith("Y")


def transport_of(test):
    """By the names that the harness gives them."""
    return next((name for name in ("dev_fuse", "io_uring") if name in test), "auto")


def chosen(tests, patterns):
    wanted = [pattern for pattern in patterns if not pattern.startswith("-")]
    unwanted = [pattern[1:] for pattern in patterns if pattern.startswith("-")]
    return [test for test in tests if any(fnmatch.fnmatchcase(test, pattern) for pattern in wanted)
            and not any(fnmatch.fnmatchcase(test, pattern) for pattern in unwanted)]


def run_gtest(suite: Suite):
    name, patterns, variables = suite
    program = str(LAB / "bin" / name)
    tests = chosen(gtest.tests_of(program), patterns)
    if not has_uring():
        tests = [test for test in tests if transport_of(test) != "io_uring"]
    if not tests:
        tell(transport="auto", test=f"{name} {patterns}", result="failed", seconds=0, output="no such test")
    for test in gtest.run(program, tests, variables):
        result, output = test.result, test.output if test.result != "passed" else ""
        if result == "failed" and (reason := lacking(test.name)):
            result, output = "lacking", reason
        tell(transport=transport_of(test.name), test=test.name, result=result, seconds=round(test.seconds, 1),
             output=output)


def run_program(script, functions, transport):
    began = time.monotonic()
    done = subprocess.run([sys.executable, LAB / "programs" / f"{script}.py", *functions], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
    outcomes = []  # result, function, seconds, lines
    for line in done.stdout.splitlines():
        if match := _PROGRAM_LINE.match(line):
            outcomes.append(["passed" if match[1] == "ok  " else "failed", match[2], float(match[4] or 0), [line]])
        elif outcomes:
            outcomes[-1][3].append(line)
    if not outcomes or (done.returncode != 0 and all(outcome[0] == "passed" for outcome in outcomes)):
        outcomes.append(["failed", "(all)", time.monotonic() - began, [done.stdout, f"ended with {done.returncode}"]])
    for result, function, seconds, lines in outcomes:
        tell(transport=transport, test=f"{script}.{function}", result=result, seconds=seconds,
             output="\n".join(lines) if result == "failed" else "")


def run_programs(programs):
    """Over /dev/fuse, and where there is io_uring, over that, too; scratchfs takes what the kernel allows."""
    uring = has_uring()
    for transport in ["io_uring", "dev_fuse"] if uring else ["dev_fuse"]:
        if uring:
            SWITCH.write_text("Y" if transport == "io_uring" else "N")
        for script, functions in programs:
            run_program(script, functions, transport)
    if uring:
        SWITCH.write_text("Y")


def check_kernel_log():
    """The kernel itself has nothing to complain of."""
    log = subprocess.run(["dmesg"], stdout=subprocess.PIPE, text=True, errors="replace", check=True).stdout.splitlines()
    found = [line for line in log if _COMPLAINT.search(line)]
    tell(transport="auto", test="the kernel's log", result="failed" if found else "passed", seconds=0,
         output="\n".join(log[-200:] if found else []))


def main(name):
    os.environ.update(SCRATCHFS_BIN=str(LAB / "bin" / "scratchfs"))
    protocol, capabilities = offered()
    tell(kernel=os.uname().release, set=name, protocol=protocol, offered=capabilities)
    run_programs(PROGRAMS[name])
    for suite in GTEST[name]:
        run_gtest(suite)
    check_kernel_log()
    tell(end=True)


main(*sys.argv[1:])

#!/usr/bin/env bash
# Checks the format, the direction of includes, the list of locks, the use of clocks, shell and Python scripts, and
# (with clang-tidy) the C++ sources.
#
# usage: scripts/lint.sh [--fix] [--quick]
#   --fix     first let clang-format rewrite the sources
#   --quick   skip clang-tidy
source "$(dirname -- "$0")/lib.sh"

fix=no quick=no
parse_options "$@"

sources() { find "$@" -type f \( -name '*.h' -o -name '*.cc' \) -print0 | sort -z; }

format() {
  if [[ $fix == yes ]]; then
    sources fs mount tests | xargs -0 clang-format -i
  else
    sources fs mount tests | xargs -0 -n 16 -P "$(nproc)" clang-format --dry-run -Werror
  fi
}

# Sourced files have no #! line, but a directive for shellcheck instead.
shell_scripts() {
  find scripts .ci tests mount packaging docs -type f \( -name '*.sh' -o -perm -u+x \) -print0 |
    xargs -0 grep -lZE -m1 '^#!.*\b(ba)?sh$|^# shellcheck shell=' | xargs -0 shellcheck &&
    shellcheck --shell=bash packaging/completion/scratchfs && shellcheck --shell=sh packaging/environment/profile.sh
}

python_scripts() { # compiles in memory and leaves no __pycache__
  find scripts tests -type f -name '*.py' -print0 |
    xargs -0 -n1 python3 -c 'import sys; compile(open(sys.argv[1]).read(), sys.argv[1], "exec")'
}

# Runs clang-tidy over each folder as one file, which takes a fifth of the time and also finds names that two files of a
# folder define.
tidy() {
  cmake --preset clang >/dev/null || return
  find build/clang/fs build/clang/mount -name 'unity_*.cxx' -print0 |
    xargs -0 -n1 -P "$(nproc)" clang-tidy --quiet -p build/clang 2>/dev/null
}

# Rejects the wall clock, which can be set forward and back, except where times are shown or stored. Deadlines use the
# steady clock.
clocks() {
  ! grep -rnE 'system_clock|CLOCK_REALTIME|\btime\(nullptr\)|gettimeofday' fs mount --include='*.h' --include='*.cc' |
    grep -vE '^(fs/base/clock\.h|fs/kernel/metrics/write_totals\.cc|mount/process/(log_sinks|seccomp_filter)\.cc):' |
    sed 's/$/: the time of day, which may jump/' | grep . >&2
}

bad=0
check() { # WHAT COMMAND...
  echo "lint: $1"
  "${@:2}" || bad=1
}
check clang-format format
check "include direction" scripts/check-includes.sh
check locks scripts/check-locks.py
check clocks clocks
check shellcheck shell_scripts
check "python syntax" python_scripts
[[ $quick == yes ]] || check clang-tidy tidy
((bad == 0)) || die "there are findings, see above (scripts/lint.sh --fix mends the format)"

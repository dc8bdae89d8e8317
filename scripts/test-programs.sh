#!/usr/bin/env bash
# Runs all program tests: those of ctest -L programs, and the heavy programs (Node.js, Java, Go, PostgreSQL,
# ImageMagick, ...) where they are installed; prints one line for each that is not. Builds the release preset first,
# unless SCRATCHFS_BIN names the program to test. Leaves no mount and no process behind.
#
# usage: scripts/test-programs.sh [--strict-table] [NAME...]
#   --strict-table   run them on a lifetime=strict mount instead, and write the table of what works there into
#                    docs/semantics.md
#   NAME             run only these files of tests/programs, for example test_git or long_java
source "$(dirname -- "$0")/lib.sh"

strict_table=no
parse_options "$@"
for name in "${words[@]}"; do
  [[ -e tests/programs/$name.py ]] || usage_error "no such test: $name"
done
[[ $strict_table == no || ${#words[@]} == 0 ]] || usage_error "--strict-table is of all tests, not of a NAME"
((${#words[@]})) || mapfile -t words < <(basename -a -s .py tests/programs/{test,long}_*.py)
need_root "the tests mount"

scripts/deps.sh --tests
find_program
make_run_dir test
mkdir -m 1777 "$run/tmp"
export TMPDIR=$run/tmp

failed=() rows=()
for name in "${words[@]}"; do
  say "$name"
  [[ $strict_table == no ]] || rows+=("$run/$name.rows")
  python3 "tests/programs/$name.py" ${rows[@]:+--strict "${rows[-1]}"} || failed+=("$name")
done
! grep -F -- " $run/" /proc/self/mountinfo || die "the tests left a mount behind"
((${#failed[@]} == 0)) || die "failed: ${failed[*]}"
[[ $strict_table == no ]] || python3 tests/programs/strict_table.py docs/semantics.md "${rows[@]}"
printf '\nall program tests passed in %d s\n' "$SECONDS"

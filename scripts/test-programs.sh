#!/usr/bin/env bash
# Runs all program tests: those of ctest -L programs, and the heavy programs (Node.js, Java, Go, PostgreSQL,
# ImageMagick, ...) where they are installed; prints one line for each that is not. Builds the release preset first,
# unless SCRATCHFS_BIN names the program to test. Leaves no mount and no process behind.
#
# usage: scripts/test-programs.sh [--strict-table] [NAME...]
#   --strict-table   run them on a lifetime=strict mount instead, and write the table of what works there into
#                    docs/semantics.md
#   NAME             run only these files of tests/programs, for example test_git or long_java
set -euo pipefail
# shellcheck source=lib.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
cd -- "$root"

table=no names=()
for argument in "$@"; do
  case $argument in
    --strict-table) table=yes ;;
    -h | --help) show_help ;;
    -*) usage_error "unknown argument $argument" ;;
    *)
      [[ -e tests/programs/$argument.py ]] || usage_error "no such test: $argument"
      names+=("$argument")
      ;;
  esac
done
[[ $table == no || ${#names[@]} == 0 ]] || usage_error "--strict-table is of all tests, not of a NAME"
if ((${#names[@]} == 0)); then
  for file in tests/programs/{test,long}_*.py; do
    names+=("$(basename -- "$file" .py)")
  done
fi
[[ $(id -u) -eq 0 ]] || die "run as root: it mounts"

scripts/deps.sh --tests
if [[ -z ${SCRATCHFS_BIN:-} ]]; then
  cmake --preset release >/dev/null
  cmake --build --preset release -j "$(nproc)" --target scratchfs >/dev/null || die "building failed"
  export SCRATCHFS_BIN=$PWD/build/release/bin/scratchfs
fi

run=$(mktemp -d /tmp/scratchfs-test.XXXXXXXX)
trap 'rm -rf --one-file-system -- "$run"' EXIT
chmod 0755 "$run"
mkdir -m 1777 "$run/tmp"
export TMPDIR=$run/tmp

failed=() rows=()
for name in "${names[@]}"; do
  printf '\n== %s\n' "$name"
  arguments=()
  rows+=("$run/$name.rows")
  [[ $table == no ]] || arguments=(--strict "$run/$name.rows")
  python3 "tests/programs/$name.py" "${arguments[@]}" || failed+=("$name")
done
grep -F -- " $run/" /proc/self/mountinfo && die "the tests left a mount behind"
((${#failed[@]} == 0)) || die "failed: ${failed[*]}"
if [[ $table == yes ]]; then
  python3 tests/programs/strict_table.py docs/semantics.md "${rows[@]}"
fi
printf '\nall program tests passed in %d s\n' "$SECONDS"

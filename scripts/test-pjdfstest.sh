#!/usr/bin/env bash
# Runs the POSIX test suite pjdfstest on tmpfs and on scratchfs over both transports and prints each check whose result
# differs. Needs root. docs/posix.md has the results.
#
# usage: scripts/test-pjdfstest.sh [--jobs N] [--transports LIST] SUITE_DIR [FILE...]
#   SUITE_DIR           a checkout of the suite, which is not part of scratchfs. It is not changed: if its program has
#                       not been built, it is built in a copy (needs autoconf and automake)
#   FILE                run only these files, for example rename/09.t (default: all)
#   --jobs N            files to run in parallel (default: twice the number of processors; most of them wait)
#   --transports LIST   dev_fuse, io_uring or both (default: dev_fuse,io_uring)
#
# SCRATCHFS_BIN names the program (default: build/release/bin/scratchfs).
# Exit code: 0 no difference, 1 a difference, 2 usage error.
source "$(dirname -- "$0")/lib.sh"
source scripts/suite.sh

jobs=$(($(nproc) * 2)) transports=dev_fuse,io_uring
parse_options "$@"
need_number jobs
open_suite pjdfstest tests

if [[ ! -x $suite/pjdfstest || ! -f $suite/pjdfstest ]]; then
  copy_suite "building the suite needs autoconf and automake" bash -c 'autoreconf -ifs && ./configure && make pjdfstest'
fi
files=("${tests[@]}")
((${#files[@]})) || mapfile -t files < <(cd -- "$suite/tests" && find . -name '*.t' -printf '%P\n' | sort)

mount_place() { # PLACE
  local point=$run/mnt/$1 ring=off
  mkdir -p -- "$point"
  case $1 in
    tmpfs)
      mount -t tmpfs -o size=1g,nosuid,nodev tmpfs "$point"
      return
      ;;
    io_uring) ring=on ;;
  esac
  "$scratchfs" "$point" -o "lifetime=mount,create_mode=posix,allow_other,memory=256M,spill=1G,io_uring=$ring"
}

# Runs one file in its own directory, and keeps what it says.
# shellcheck disable=SC2016  # the inner shell's own parameters
one_file='
  suite=$1 mount=$2 results=$3 file=$4
  directory=$mount/${file//[\/.]/_}
  mkdir -- "$directory" && cd -- "$directory" || exit 1
  mkdir -p -- "$results/${file%/*}"
  timeout 1200 sh "$suite/tests/$file" >"$results/$file" 2>&1
  exit 0'

# Makes a list of all checks, "FILE NUMBER ok|not ok". If a file ends early, its last checks are missing.
run_suite() { # PLACE
  local file
  printf '%s\0' "${files[@]}" |
    xargs -0 -n1 -P "$jobs" bash -c "$one_file" bash "$suite" "$run/mnt/$1" "$run/results/$1"
  for file in "${files[@]}"; do
    sed -nE "s|^(not ok\|ok) ([0-9]+).*|$file \2 \1|p" "$run/results/$1/$file"
  done >"$run/$1.checks"
  [[ -s $run/$1.checks ]] || die "the suite made no check on $1"
  # The suite marks checks that it does not expect to pass on this kernel with TODO.
  printf '%-9s %d files, %d checks, %d failed unexpectedly\n' "$1" "${#files[@]}" "$(wc -l <"$run/$1.checks")" \
    "$(cat -- "${files[@]/#/$run/results/$1/}" | grep '^not ok' | grep -vc '# TODO' || true)"
}

told() { # PLACE FILE NUMBER: what the suite said of a check
  sed -nE "/^(not )?ok $3( |\$)/p" "$run/results/$1/$2" | grep . || echo "(nothing)"
}

differences=0
compare() { # PLACE
  local file number
  while read -r file number; do
    differences=$((differences + 1))
    printf '%s check %s\n  tmpfs:    %s\n  %-9s %s\n' \
      "$file" "$number" "$(told tmpfs "$file" "$number")" "$1:" "$(told "$1" "$file" "$number")"
  done < <(diff -- "$run/tmpfs.checks" "$run/$1.checks" | sed -nE 's/^[<>] (\S+) (\S+) .*/\1 \2/p' | sort -uV)
}

for place in tmpfs "${places[@]}"; do
  mount_place "$place"
  run_suite "$place"
  umount -- "$run/mnt/$place"
done
for place in "${places[@]}"; do compare "$place"; done
printf '%d differences\n' "$differences"
((differences == 0))

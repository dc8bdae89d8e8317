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
set -euo pipefail
# shellcheck source=lib.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

jobs=$(($(nproc) * 2)) transports=dev_fuse,io_uring words=()
while (($#)); do
  case $1 in
    --jobs | --transports)
      (($# > 1)) || usage_error "$1 needs a value"
      if [[ $1 == --jobs ]]; then jobs=$2; else transports=$2; fi
      shift
      ;;
    -h | --help) show_help ;;
    -*) usage_error "unknown argument $1" ;;
    *) words+=("$1") ;;
  esac
  shift
done
[[ $jobs =~ ^[1-9][0-9]*$ ]] || usage_error "--jobs: $jobs is not a number"
IFS=, read -ra transports <<<"$transports"
for transport in "${transports[@]}"; do
  [[ $transport == dev_fuse || $transport == io_uring ]] || usage_error "unknown transport $transport"
done
((${#words[@]})) || usage_error "SUITE_DIR is missing"
suite=$(realpath -- "${words[0]}")
files=("${words[@]:1}")
[[ -d $suite/tests ]] || usage_error "${words[0]} has no tests/: not a checkout of pjdfstest"
((EUID == 0)) || die "the suite becomes many users: run as root"
scratchfs=$(realpath -- "${SCRATCHFS_BIN:-$root/build/release/bin/scratchfs}")
[[ -x $scratchfs ]] || die "$scratchfs is missing: cmake --build --preset release --target scratchfs"

run=$(mktemp -d /tmp/scratchfs-pjdfstest.XXXXXXXX)
readonly run
chmod 0755 "$run"
uring_switch=/sys/module/fuse/parameters/enable_uring
uring_before=
clean_up() {
  local status=$? place
  trap - EXIT
  set +e # whatever fails here, the rest is still to be done
  for place in "$run"/mnt/*; do
    mountpoint -q "$place" && umount -l -- "$place"
  done
  [[ -z $uring_before ]] || echo "$uring_before" >"$uring_switch"
  rm -rf --one-file-system -- "$run"
  exit "$status"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

build_suite() {
  [[ -x $suite/pjdfstest && -f $suite/pjdfstest ]] && return
  local tool
  for tool in autoreconf automake; do
    command -v "$tool" >/dev/null ||
      die "building the suite needs $tool: apt-get install autoconf automake"
  done
  cp -r -- "$suite" "$run/suite"
  suite=$run/suite
  (cd -- "$suite" && autoreconf -ifs && ./configure && make pjdfstest) >"$run/build.log" 2>&1 || {
    tail -20 -- "$run/build.log" >&2
    die "the suite cannot be built, see above"
  }
}
build_suite

if ((${#files[@]} == 0)); then
  mapfile -t files < <(cd -- "$suite/tests" && find . -name '*.t' -printf '%P\n' | sort)
fi

mount_place() { # PLACE
  local point=$run/mnt/$1 wish=on
  mkdir -p -- "$point"
  if [[ $1 == tmpfs ]]; then
    mount -t tmpfs -o size=1g,nosuid,nodev tmpfs "$point"
    return
  fi
  [[ $1 == io_uring ]] || wish=off
  if [[ $wish == on && -w $uring_switch && $(<"$uring_switch") == N ]]; then
    uring_before=N
    echo Y >"$uring_switch"
  fi
  "$scratchfs" "$point" \
    -o "lifetime=mount,create_mode=posix,allow_other,memory=256M,spill=1G,io_uring=$wish"
}

# Runs one file in its own directory. Prints one line per check, "FILE NUMBER ok|not ok", and the messages of failed
# checks. If a file ends early, its last checks are missing.
# shellcheck disable=SC2016  # the inner shell's own parameters
one_file='
  suite=$1 mount=$2 results=$3 file=$4
  directory=$mount/${file//[\/.]/_}
  mkdir -- "$directory" && cd -- "$directory" || exit 1
  mkdir -p -- "$results/${file%/*}"
  timeout 1200 sh "$suite/tests/$file" >"$results/$file" 2>&1
  exit 0'

run_suite() { # PLACE
  printf '%s\0' "${files[@]}" |
    xargs -0 -n1 -P "$jobs" bash -c "$one_file" bash "$suite" "$run/mnt/$1" "$run/results/$1"
  local file
  for file in "${files[@]}"; do
    sed -nE "s|^(not ok\|ok) ([0-9]+).*|$file \2 \1|p" "$run/results/$1/$file"
  done >"$run/$1.checks"
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

for place in tmpfs "${transports[@]}"; do
  mount_place "$place"
  run_suite "$place"
  [[ $(wc -l <"$run/$place.checks") -gt 0 ]] || die "the suite made no check on $place"
  umount -- "$run/mnt/$place"
done
for place in "${transports[@]}"; do compare "$place"; done
printf '%d differences\n' "$differences"
((differences == 0))

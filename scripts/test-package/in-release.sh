#!/usr/bin/env bash
# What scripts/test-releases.sh runs in a chroot of a Debian release, with the sources in /src: builds, tests, mounts
# and makes the package. Writes KEY=VALUE lines to /result. What fails is said there, and the rest goes on.
#
# usage: in-release.sh yes|no   (whether to make packages)
set -uo pipefail
cd /src && source scripts/debian.sh || exit 1
export DEBIAN_FRONTEND=noninteractive CCACHE_DIR=/root/.ccache
readonly log=/src/build/log bin=/src/build/release/bin
mkdir -p build
: >/result
result() { printf '%s=%s\n' "$1" "$2" | tee -a /result; }

run_logged() { # WHAT COMMAND...
  local what=$1
  shift
  echo "-- $what"
  "$@" >"$log" 2>&1 && return
  grep -E -m 20 'error|FAILED|Error|not found' "$log" >&2 || tail -n 20 "$log" >&2
  return 1
}

packages_of_today() { apt-get -qq update && apt-get -qq -y -o Dpkg::Use-Pty=0 dist-upgrade; }
# As somebody builds it who has another compiler than its authors: warnings are no errors.
build() { cmake --preset release && cmake --build --preset release -j "$(nproc)" --target scratchfs unit_tests; }

unit_tests() {
  ctest --preset release -L unit -j "$(nproc)" >"$log" 2>&1
  local total failed
  total=$(sed -n 's/.* tests failed out of \([0-9]*\)$/\1/p' "$log")
  failed=$(sed -n 's/.*passed, \([0-9]*\) tests failed out of .*/\1/p' "$log")
  ((${failed:-1} == 0)) || sed -n '/The following tests FAILED/,$p' "$log" >&2
  result unit "$((${total:-0} - ${failed:-0})) passed, ${failed:-all} failed"
}

is_mounted() { grep -q ' /scratch fuse.scratchfs ' /proc/self/mounts; }
# Four times its memory goes in and comes back, by way of the disk.
work_on() { # on|off WHAT-STATUS-SAYS
  "$bin/scratchfs" /scratch -o "memory=16M,spill=256M,lifetime=mount,io_uring=$1" && is_mounted || return 1
  "$bin/scratchfs" status /scratch | grep -q "$2" || return 1
  head -c 64M /dev/urandom >/var/tmp/random && cp /var/tmp/random /scratch/f && cmp /var/tmp/random /scratch/f || return 1
  mkdir /scratch/d && mv /scratch/f /scratch/d/g && rm -r /scratch/d && [[ -z $(ls -A /scratch) ]] || return 1
  "$bin/scratchfs" umount /scratch && ! is_mounted
}
try_mount() { # KEY on|off WHAT-STATUS-SAYS
  mkdir -p /scratch
  if run_logged "mount, $1" work_on "$2" "$3"; then
    result "$1" good
  else
    result "$1" BAD
    ! is_mounted || umount -l /scratch
  fi
  rm -f /var/tmp/random
}

make_packages() {
  rm -rf /packages
  cmake --preset package && cmake --build --preset package -j "$(nproc)" && make_debs /packages
}

run_logged "packages of today" packages_of_today
run_logged "scripts/deps.sh" scripts/deps.sh || exit 1
result compiler "$(c++ -dumpfullversion | sed 's/^/GCC /')"
result liburing "$(pkg-config --modversion liburing)"
if ! run_logged "build" build; then
  result built NO
  exit 1
fi
warnings=$(grep -c 'warning:' "$log")
result built "yes$( ((warnings == 0)) || echo ", $warnings warnings")"
where=$([[ -e build/deps/stage ]] && echo "from source" || echo "of the release")
result libfuse "$("$bin/scratchfs" --version | sed -n 's/.*libfuse \([0-9.]*\).*/\1/p'), $where"
unit_tests
try_mount dev_fuse off /dev/fuse
if [[ -e /sys/module/fuse/parameters/enable_uring ]]; then
  try_mount io_uring on 'io_uring ('
else
  result io_uring "no rings here"
fi
[[ $1 == no ]] || run_logged "packages" make_packages || result package BAD

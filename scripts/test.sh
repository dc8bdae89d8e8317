#!/usr/bin/env bash
# Installs what is missing, builds, and runs all tests: the checks of lint.sh, everything in the release
# build, then unit, parity and mounted tests and a minute of each fuzzer under ASan+UBSan (built by clang++,
# with its thread-safety analysis), unit, mounted and some of the stress tests (those over io_uring) under TSan, and
# some of the tests on Debian 12's kernel, emulated. Stops at the first stage that fails. Leaves no mount, no process
# and no setting behind.
#
# usage: scripts/test.sh [--quick | --full] [--only STAGE]
#   --quick        lint without clang-tidy, release build without the stress and program tests, nothing else
#   --full         all parity, mounted and program tests under both sanitizers
#   --only STAGE   one of lint, release, asan, tsan, kernels, debug
set -euo pipefail
# shellcheck source=lib.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
export DEBIAN_FRONTEND=noninteractive
cd -- "$root"

quick=no full=no only=
while (($#)); do
  case $1 in
    --quick) quick=yes ;;
    --full) full=yes ;;
    --only)
      (($# > 1)) || usage_error "--only needs a stage"
      only=$2
      shift
      ;;
    -h | --help) show_help ;;
    *) usage_error "unknown argument $1" ;;
  esac
  shift
done
case $only in
  lint | release | asan | tsan | kernels | debug) stages=("$only") ;;
  '') if [[ $quick == yes ]]; then stages=(lint release); else stages=(lint release asan tsan kernels); fi ;;
  *) usage_error "unknown stage $only" ;;
esac

jobs=$(nproc)

# ---- a directory for the tests, accessible to the other users that they switch to

run=$(mktemp -d /tmp/scratchfs-test.XXXXXXXX)
readonly run
chmod 0755 "$run"
mkdir -m 1777 "$run/tmp" "$run/reports"
uring_switch=/sys/module/fuse/parameters/enable_uring
uring_before=

scratchfs_mounts() { # mount points, with the kernel's octal escapes
  awk '{for (i = 7; $i != "-"; i++); if ($(i + 1) == "fuse.scratchfs") print $5}' /proc/self/mountinfo | sort
}

clean_up() {
  local status=$? point
  trap - EXIT
  set +e # whatever fails here, the rest is still to be done
  scratchfs_mounts | grep -F -- "$run/" | while IFS= read -r point; do
    umount -l -- "$(printf '%b' "$point")"
  done
  [[ -z $uring_before ]] || echo "$uring_before" >"$uring_switch"
  rm -rf --one-file-system -- "$run"
  exit "$status"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

prepare_fuse() {
  [[ -e /dev/fuse ]] || modprobe fuse 2>/dev/null || true
  [[ -c /dev/fuse ]] || die "/dev/fuse is missing: load the module fuse, or give the container --device /dev/fuse"
  # shellcheck disable=SC2188  # only whether it opens
  (: <>/dev/fuse) 2>/dev/null || die "/dev/fuse cannot be opened: run as root, or give the container CAP_SYS_ADMIN"
  # Both transports are tested; without this parameter only /dev/fuse is available.
  if [[ -w $uring_switch && $(<"$uring_switch") == N ]]; then
    uring_before=N
    echo Y >"$uring_switch"
  elif [[ ! -e $uring_switch ]]; then
    echo "note: this kernel has no FUSE over io_uring; those tests say that they are skipped"
  fi
}

# Prints the processes that inherited the mark of this run: pid, state and command, one per line.
marked_processes() {
  local dir
  for dir in /proc/[0-9]*; do
    if grep -qazx -- "SCRATCHFS_TEST_RUN=$run" "$dir/environ" 2>/dev/null; then
      ps -o pid=,stat=,args= -p "${dir#/proc/}" || true
    fi
  done
}

# Prints new mounts that are in the tests' directory or have no daemon.
left_mounts() {
  local point path
  comm -13 "$run/mounts" <(scratchfs_mounts) | while IFS= read -r point; do
    path=$(printf '%b' "$point")
    if [[ $path == "$run"/* ]] || ! stat -- "$path" >/dev/null 2>&1; then
      printf '%s\n' "$path"
    fi
  done
}

check_nothing_left() {
  local deadline=$((SECONDS + 10)) processes mounts
  while :; do # a daemon needs a moment after its unmount
    processes=$(marked_processes)
    mounts=$(left_mounts)
    [[ -n $processes || -n $mounts ]] || return 0
    ((SECONDS < deadline)) || break
    sleep 0.2
  done
  [[ -z $processes ]] || printf 'left by the tests, a process: %s\n' "$processes" >&2
  [[ -z $mounts ]] || printf 'left by the tests, a mount: %s\n' "$mounts" >&2
  die "the tests left something behind"
}

# Sanitizers write their reports here, because nobody reads a daemon's stderr.
check_no_reports() {
  compgen -G "$run/reports/*" >/dev/null || return 0
  cat -- "$run"/reports/* >&2
  die "the sanitizers have reports, see above"
}

build() { # PRESET [TARGET...]
  local preset=$1 targets=("${@:2}")
  cmake --preset "$preset" -DSCRATCHFS_WERROR=ON >"$run/configure.log" 2>&1 || {
    cat -- "$run/configure.log" >&2
    return 1
  }
  cmake --build --preset "$preset" -j "$jobs" ${targets[@]:+--target "${targets[@]}"}
}

failed_log() { printf '%s/build/%s/Testing/Temporary/LastTestsFailed.log' "$root" "$1"; }

run_ctest() { # PRESET [ctest arguments...]
  local reports=$run/reports/report
  env TMPDIR="$run/tmp" SCRATCHFS_TEST_RUN="$run" \
    ASAN_OPTIONS="log_path=$reports:detect_stack_use_after_return=1:strict_init_order=1" \
    UBSAN_OPTIONS="log_path=$reports:print_stacktrace=1" \
    TSAN_OPTIONS="log_path=$reports:second_deadlock_stack=1:history_size=4" \
    "${under[@]}" ctest --preset "$1" --output-on-failure --no-tests=error "${@:2}"
}

# Tests that passed only when repeated, reported at the end: a time limit too short for a busy machine, or a race.
unsteady=()

# Repeats up to three failed tests one by one; each has to pass three times.
look_again() { # PRESET
  local names
  [[ -s $(failed_log "$1") ]] || return 1
  mapfile -t names < <(cut -d: -f2- "$(failed_log "$1")")
  ((${#names[@]} <= 3)) || return 1
  say "again, alone, three times: ${names[*]}"
  run_ctest "$1" -j 1 --rerun-failed --repeat until-fail:3 || return 1
  unsteady+=("${names[@]}")
}

# Runs twice as many tests as there are cores: they wait more than they compute.
run_tests() { # PRESET [ctest arguments...]
  local status=0
  scratchfs_mounts >"$run/mounts"
  rm -f -- "$(failed_log "$1")"
  run_ctest "$1" -j "$((2 * jobs))" "${@:2}" || status=$?
  check_no_reports
  if ((status != 0)); then
    look_again "$1" || exit "$status"
    check_no_reports
  fi
  check_nothing_left
}

# The mounted tests see the program only from outside, so those of the release build are used.
sanitized() { # PRESET
  build "$1" scratchfs unit_tests
  build release
  # With more random bits, mappings land where GCC 12's TSan cannot handle them.
  if [[ $1 == tsan ]] && (($(</proc/sys/vm/mmap_rnd_bits) > 28)); then
    under=(setarch -R)
  fi
  run_tests "$1" -L unit
  export SCRATCHFS_BIN=$root/build/$1/bin/scratchfs
  case $full-$1 in
    yes-*) run_tests release -LE 'unit|stress' ;;
    no-asan) run_tests release -L 'parity|mounted' ;;
    no-tsan)
      run_tests release -L mounted -E dev_fuse
      run_tests release -L stress -R "$races"
      ;;
  esac
  unset SCRATCHFS_BIN
  under=()
  [[ $1 != asan ]] || scripts/fuzz.sh
}
under=() # a command that the tests are run by
# The stress tests that can reveal races in the daemon: names, handles, spilling and unmounting under load.
readonly races='/NamesStress\..*io_uring_claimed|/HandlesStress\..*io_uring|/SpillStress\..*io_uring'

stage() {
  case $1 in
    lint)
      if [[ $quick == yes ]]; then scripts/lint.sh --quick; else scripts/lint.sh; fi
      ;;
    release)
      build release
      if [[ $quick == yes ]]; then run_tests release -LE 'stress|programs'; else run_tests release; fi
      ;;
    asan | tsan) sanitized "$1" ;;
    kernels) scripts/test-kernels.sh --quick 6.1 ;;
    debug)
      build debug
      run_tests debug -LE stress
      ;;
  esac
}

scripts/deps.sh --tests
prepare_fuse
for name in "${stages[@]}"; do
  say "$name (after $SECONDS s)"
  stage "$name"
done
((${#unsteady[@]} == 0)) || say "passed alone only, to be looked into: ${unsteady[*]}"
say "all stages passed in $SECONDS s: ${stages[*]}; no mount and no process is left"

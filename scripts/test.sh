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
source "$(dirname -- "$0")/lib.sh"

quick=no full=no only=
parse_options "$@"
if [[ $quick == yes ]]; then stages=(lint release); else stages=(lint release asan tsan kernels); fi
case $only in
  lint | release | asan | tsan | kernels | debug) stages=("$only") ;;
  ?*) usage_error "unknown stage $only" ;;
esac
show_build=yes
configure_options=(-DSCRATCHFS_WERROR=ON)

# ---- what the tests leave

scratchfs_mounts() { # mount points, with the kernel's octal escapes
  awk '{for (i = 7; $i != "-"; i++); if ($(i + 1) == "fuse.scratchfs") print $5}' /proc/self/mountinfo | sort
}

# Prints the processes that inherited the mark of this run, and new mounts that are in the tests' directory or have no
# daemon.
left_behind() {
  local dir path
  for dir in /proc/[0-9]*; do
    if grep -qazx -- "SCRATCHFS_TEST_RUN=$run" "$dir/environ" 2>/dev/null; then
      echo "a process: $(ps -o pid=,stat=,args= -p "${dir#/proc/}")"
    fi
  done
  comm -13 "$run/mounts" <(scratchfs_mounts) | while IFS= read -r path; do
    path=$(printf '%b' "$path")
    if [[ $path == "$run"/* ]] || ! stat -- "$path" >/dev/null 2>&1; then echo "a mount: $path"; fi
  done
}

check_nothing_left() {
  local deadline=$((SECONDS + 10)) left
  while :; do # a daemon needs a moment after its unmount
    left=$(left_behind)
    [[ -n $left ]] || return 0
    ((SECONDS < deadline)) || die "the tests left something behind:"$'\n'"$left"
    sleep 0.2
  done
}

# Sanitizers write their reports here, because nobody reads a daemon's stderr.
check_no_reports() {
  compgen -G "$run/reports/*" >/dev/null || return 0
  cat -- "$run"/reports/* >&2
  die "the sanitizers have reports, see above"
}

# ---- the tests

under=()    # a command that the tests are run by
unsteady=() # tests that passed only when repeated: a time limit too short for a busy machine, or a race

failed_log() { printf 'build/%s/Testing/Temporary/LastTestsFailed.log' "$1"; }

run_ctest() { # PRESET [ctest arguments...]
  local reports=$run/reports/report
  env TMPDIR="$run/tmp" SCRATCHFS_TEST_RUN="$run" \
    ASAN_OPTIONS="log_path=$reports:detect_stack_use_after_return=1:strict_init_order=1" \
    UBSAN_OPTIONS="log_path=$reports:print_stacktrace=1" \
    TSAN_OPTIONS="log_path=$reports:second_deadlock_stack=1:history_size=4" \
    "${under[@]}" ctest --preset "$@"
}

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
  run_ctest "$1" -j "$((2 * $(nproc)))" "${@:2}" || status=$?
  check_no_reports
  if ((status != 0)); then
    look_again "$1" || exit "$status"
    check_no_reports
  fi
  check_nothing_left
}

# The stress tests that can reveal races in the daemon: names, handles, spilling and unmounting under load.
readonly races='/NamesStress\..*io_uring_claimed|/HandlesStress\..*io_uring|/SpillStress\..*io_uring'

# The mounted tests see the program only from outside, so those of the release build are used.
sanitized() { # PRESET
  build "$1" scratchfs unit_tests
  build release
  # With more random bits, mappings land where GCC 12's TSan cannot handle them.
  if [[ $1 == tsan ]] && (($(</proc/sys/vm/mmap_rnd_bits) > 28)); then under=(setarch -R); fi
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

stage() {
  case $quick-$1 in
    yes-lint) scripts/lint.sh --quick ;;
    no-lint) scripts/lint.sh ;;
    yes-release)
      build release
      run_tests release -LE 'stress|programs'
      ;;
    no-release)
      build release
      run_tests release
      ;;
    *-asan | *-tsan) sanitized "$1" ;;
    *-kernels) scripts/test-kernels.sh --quick 6.1 ;;
    *-debug)
      build debug
      run_tests debug -LE stress
      ;;
  esac
}

scripts/deps.sh --tests
make_run_dir test
mkdir -m 1777 "$run/tmp" "$run/reports" # tests run as other users, too
need_fuse
enable_uring # both transports are tested
for name in "${stages[@]}"; do
  say "$name (after $SECONDS s)"
  stage "$name"
done
((${#unsteady[@]} == 0)) || say "passed alone only, to be looked into: ${unsteady[*]}"
say "all stages passed in $SECONDS s: ${stages[*]}; no mount and no process is left"

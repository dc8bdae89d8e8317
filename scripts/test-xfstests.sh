#!/usr/bin/env bash
# Runs the generic tests of xfstests on a tmpfs and on scratchfs over both transports, side by side, and prints where
# they differ. Needs root. docs/posix.md explains each difference that stays. Takes about an hour; a test of the suite's
# group "quick" takes seconds.
#
# usage: scripts/test-xfstests.sh [--timeout SECONDS] [--transports LIST] [--group NAME] [--keep DIR] SUITE_DIR [TEST...]
#   SUITE_DIR           a checkout of the suite, which is no part of scratchfs; it is left as it is: the run uses a
#                       copy, and builds it there unless it is built already
#   TEST                only these, as 003; default: all
#   --timeout SECONDS   for one test (default: 300)
#   --transports LIST   of dev_fuse and io_uring (default: dev_fuse,io_uring)
#   --group NAME        only tests of this group of the suite, as quick
#   --keep DIR          leave there what each test said
#
# Building needs Debian's packages xfslibs-dev uuid-dev libacl1-dev libattr1-dev libaio-dev libtool-bin autoconf
# automake make gcc; running needs xfsprogs acl attr bc gawk libcap2-bin psmisc quota perl.
# On each place it runs in mount and pid namespaces of its own: its users, its mount helper and its processes are seen by
# nobody else.
#
# SCRATCHFS_BIN names the program (default: build/release/bin/scratchfs).
# Exit code: 0 no difference but those that scripts/xfstests/expected explains, 1 another difference, 2 usage.
source "$(dirname -- "$0")/lib.sh"
source scripts/suite.sh

timeout=300 transports=dev_fuse,io_uring group='' keep=''
parse_options "$@"
need_number timeout
open_suite xfstests tests/generic
command -v xfs_io >/dev/null || die "xfs_io is missing: apt-get install xfsprogs"
if [[ -n $keep ]]; then
  keep=$(given_path "$keep")
  mkdir -p -- "$keep"
fi

declare -A runners=() # by place
# shellcheck disable=SC2317  # called when the script ends
at_exit() {
  # All that runs in the namespaces ends with their first process, and the mounts with them.
  ((${#runners[@]} == 0)) || { kill -KILL "${runners[@]}" && wait "${runners[@]}"; } 2>/dev/null
  [[ -z $keep ]] || cp -r -- "$run/results" "$run"/*.status "$keep/" 2>/dev/null
}

prepare_suite() {
  copy_suite "the head of this script names the packages it needs" \
    bash -c "[[ -x ltp/fsx ]] || make -j$(nproc)"
  # It knows how to treat a tmpfs (a remount where others are unmounted and mounted anew, a size in place of a
  # disk), and so treats scratchfs as one, by the name tmpfs.scratchfs.
  sed -i 's/-e .s.nfs4.nfs.. /&-e "s,fuse.scratchfs,tmpfs," /' "$suite/common/rc"
  grep -q 's,fuse.scratchfs,tmpfs,' "$suite/common/rc" ||
    die "common/rc of this suite is not as this script knows it: _fs_type() cannot be told of scratchfs"
  ln -s -- "$scratchfs" "$run/mount.fuse.scratchfs"
  mkdir -m 0700 -- "$run/spill"
}

choose_tests() {
  local all=("${tests[@]#generic/}") test
  ((${#all[@]})) || mapfile -t all < <(cd -- "$suite/tests/generic" && printf '%s\n' [0-9][0-9][0-9] | sort -n)
  tests=()
  for test in "${all[@]}"; do
    [[ -f $suite/tests/generic/$test ]] || usage_error "the suite has no test generic/$test"
    [[ -z $group ]] || grep -qE "^_begin_fstest.* $group( |\$)" "$suite/tests/generic/$test" || continue
    grep -q "^$test " scripts/xfstests/excluded || tests+=("$test")
  done
  ((${#tests[@]})) || die "no test is left to be run"
}

count() { grep -c "^[0-9]* $2" "$run/$1.status" || true; } # PLACE RESULT

start_suite() { # PLACE
  : >"$run/$1.status"
  unshare --mount --pid --fork --mount-proc --kill-child --propagation private \
    bash scripts/xfstests/inside.sh "$run" "$timeout" "$1" "${tests[@]}" >"$run/$1.log" 2>&1 &
  runners[$1]=$!
}

await_suite() { # PLACE
  wait "${runners[$1]}" || die "the suite ended early on $1: $(tail -1 -- "$run/$1.log")"
  unset "runners[$1]"
  printf '%-9s %d tests: %d passed, %d failed, %d took too long, %d cannot be run\n' "$1" "${#tests[@]}" \
    "$(count "$1" passed)" "$(count "$1" failed)" "$(count "$1" timeout)" "$(count "$1" notrun)"
}

# How a test's output differs from what it should be.
told() { # PLACE TEST
  local bad=$run/results/$1/generic/$2.out.bad
  [[ ! -f $bad ]] || diff -- "$suite/tests/generic/$2.out" "$bad" | sed -n '2,9s/^/    /p' || true
}

unexplained=0
compare() { # PLACE
  local test status reference why
  while read -r test status; do
    reference=$(sed -n "s/^$test //p" "$run/tmpfs.status")
    [[ $status != "$reference" ]] || continue
    # What does not run on either says nothing, whatever the reasons; and scratchfs may do more.
    [[ $reference != notrun* || $status != notrun* && $status != passed ]] || continue
    why=$(sed -n "s/^$test //p" scripts/xfstests/expected)
    [[ -n $why ]] || unexplained=$((unexplained + 1))
    printf 'generic/%s on %s: %s (tmpfs: %s)\n' "$test" "$1" "$status" "$reference"
    if [[ -n $why ]]; then printf '    expected: %s\n' "$why"; else told "$1" "$test"; fi
  done <"$run/$1.status"
}

prepare_suite
choose_tests
for place in tmpfs "${places[@]}"; do start_suite "$place"; done
for place in tmpfs "${places[@]}"; do await_suite "$place"; done
for place in "${places[@]}"; do compare "$place"; done
printf '%d differences that nothing explains\n' "$unexplained"
((unexplained == 0))

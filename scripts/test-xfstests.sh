#!/usr/bin/env bash
# Runs the generic tests of xfstests on a tmpfs and on scratchfs over both transports, and prints where they
# differ. Needs root. docs/posix.md explains each difference that stays. Takes hours; a test that is one of the
# suite's group "quick" takes seconds.
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
# The suite runs in mount and pid namespaces of its own: its users, its mount helper and its processes are seen by
# nobody else.
#
# SCRATCHFS_BIN names the program (default: build/release/bin/scratchfs).
# Exit code: 0 no difference but those that scripts/xfstests/expected explains, 1 another difference, 2 usage.
set -euo pipefail
# shellcheck source=lib.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

readonly tables=$root/scripts/xfstests
limit=300 transports=dev_fuse,io_uring group='' keep='' words=()
while (($#)); do
  case $1 in
    --timeout | --transports | --group | --keep)
      (($# > 1)) || usage_error "$1 needs a value"
      case $1 in
        --timeout) limit=$2 ;;
        --transports) transports=$2 ;;
        --group) group=$2 ;;
        --keep) keep=$2 ;;
      esac
      shift
      ;;
    -h | --help) show_help ;;
    -*) usage_error "unknown argument $1" ;;
    *) words+=("$1") ;;
  esac
  shift
done
[[ $limit =~ ^[1-9][0-9]*$ ]] || usage_error "--timeout: $limit is not a number"
IFS=, read -ra places <<<"$transports"
for transport in "${places[@]}"; do
  [[ $transport == dev_fuse || $transport == io_uring ]] || usage_error "unknown transport $transport"
done
((${#words[@]})) || usage_error "SUITE_DIR is missing"
suite=$(realpath -- "${words[0]}")
tests=("${words[@]:1}")
[[ -f $suite/check && -d $suite/tests/generic ]] || usage_error "${words[0]} is not a checkout of xfstests"
((EUID == 0)) || die "the suite mounts and becomes many users: run as root"
scratchfs=$(realpath -- "${SCRATCHFS_BIN:-$root/build/release/bin/scratchfs}")
[[ -x $scratchfs ]] || die "$scratchfs is missing: cmake --build --preset release --target scratchfs"
command -v xfs_io >/dev/null || die "xfs_io is missing: apt-get install xfsprogs"
[[ -z $keep ]] || mkdir -p -- "$keep"

run=$(mktemp -d /tmp/scratchfs-xfstests.XXXXXXXX)
readonly run
chmod 0755 "$run"
runner=
clean_up() {
  local status=$?
  trap - EXIT
  set +e # whatever fails here, the rest is still to be done
  # All that runs in the namespaces ends with their first process, and the mounts with them.
  [[ -z $runner ]] || kill -KILL "$runner" 2>/dev/null
  [[ -z $runner ]] || wait "$runner" 2>/dev/null
  [[ -z $keep ]] || cp -r -- "$run/results" "$run"/*.status "$keep/" 2>/dev/null
  rm -rf --one-file-system -- "$run"
  exit "$status"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

build_suite() {
  cp -r -- "$suite" "$run/suite"
  if [[ ! -x $run/suite/ltp/fsx ]]; then
    make -C "$run/suite" -j"$(nproc)" >"$run/build.log" 2>&1 || {
      tail -20 -- "$run/build.log" >&2
      die "the suite cannot be built, see above; the head of this script names the packages it needs"
    }
  fi
  # It knows how to treat a tmpfs (a remount where others are unmounted and mounted anew, a size in place of a
  # disk), and so treats scratchfs as one, by the name tmpfs.scratchfs.
  sed -i 's/-e .s.nfs4.nfs.. /&-e "s,fuse.scratchfs,tmpfs," /' "$run/suite/common/rc"
  grep -q 's,fuse.scratchfs,tmpfs,' "$run/suite/common/rc" ||
    die "common/rc of this suite is not as this script knows it: _fs_type() cannot be told of scratchfs"
}

excluded() { # TEST: whether xfstests.excluded has it
  grep -q "^$1 " "$tables/excluded"
}

choose_tests() {
  local all=() test
  if ((${#tests[@]})); then
    all=("${tests[@]#generic/}")
  else
    mapfile -t all < <(cd -- "$run/suite/tests/generic" && printf '%s\n' [0-9][0-9][0-9] | sort -n)
  fi
  tests=()
  for test in "${all[@]}"; do
    [[ -f $run/suite/tests/generic/$test ]] || usage_error "the suite has no test generic/$test"
    [[ -z $group ]] || grep -qE "^_begin_fstest.* $group( |\$)" "$run/suite/tests/generic/$test" || continue
    excluded "$test" || tests+=("$test")
  done
  ((${#tests[@]})) || die "no test is left to be run"
}

# What mount(8) runs for `-t tmpfs.scratchfs`. A tmpfs' size is memory and spill together here.
write_helper() {
  cat >"$run/helper" <<END
#!/usr/bin/env bash
set -euo pipefail
source=\$1 directory=\$2
shift 2
list=
while ((\$#)); do
  [[ \$1 == -o ]] && list+=,\$2 && shift
  shift
done
size=1073741824 inodes= kept=
IFS=, read -ra words <<<"\$list"
for word in "\${words[@]}"; do
  case \$word in
    size=*) size=\$(numfmt --from=iec "\$(tr kmgt KMGT <<<"\${word#size=}")") ;;
    nr_inodes=*) inodes=,inodes=\${word#nr_inodes=} ;;
    *) kept+=\${word:+,\$word} ;;
  esac
done
if [[ ,\$kept, != *,remount,* ]]; then
  memory=\$((size < 134217728 ? size : 134217728))
  ((memory >= 16777216)) || memory=16777216
  kept+=,memory=\$memory,spill=\$((size > memory ? size - memory : 0))\$inodes
  kept+=,lifetime=mount,create_mode=posix,allow_other,spill_dir=$run/spill,io_uring=\$(<$run/io_uring)
fi
exec $run/mount.fuse.scratchfs "\$source" "\$directory" -o "\${kept#,}"
END
  chmod 0755 "$run/helper"
  ln -s -- "$scratchfs" "$run/mount.fuse.scratchfs"
  mkdir -m 0700 -- "$run/spill"
}

# The first process of the namespaces: what the suite wants of a machine, then one test after the other.
# shellcheck disable=SC2016  # the inner shell's own parameters
inside='
  set -uo pipefail
  run=$1 limit=$2 place=$3
  shift 3
  cp -a /usr/sbin "$run/sbin.$place" && cp "$run/helper" "$run/sbin.$place/mount.tmpfs.scratchfs" || exit 1
  mount --bind "$run/sbin.$place" /usr/sbin || exit 1
  [[ -L /sbin ]] || mount --bind "$run/sbin.$place" /sbin || exit 1
  for file in passwd group; do
    cp "/etc/$file" "$run/$file.$place"
    sed -i "/fsgqa/d" "$run/$file.$place"
  done
  printf "%s:*:%d:%d::/tmp:/bin/bash\n" fsgqa 30111 30111 123456-fsgqa 30112 30112 fsgqa2 30113 30113 \
    >>"$run/passwd.$place"
  printf "%s:*:%d:\n" fsgqa 30111 123456-fsgqa 30112 fsgqa2 30113 >>"$run/group.$place"
  mount --bind "$run/passwd.$place" /etc/passwd && mount --bind "$run/group.$place" /etc/group || exit 1
  mkdir -p "$run/test" "$run/scratch"
  export FSTYP=tmpfs TEST_DIR=$run/test SCRATCH_MNT=$run/scratch TEST_DEV=place_test SCRATCH_DEV=place_scratch
  export RESULT_BASE=$run/results/$place HOST_OPTIONS=$run/no_such_file
  export FUSE_SUBTYP= LOAD_FACTOR=1 TIME_FACTOR=1 DIFF_LENGTH=0
  [[ $place == tmpfs ]] || FUSE_SUBTYP=.scratchfs
  cd "$run/suite" || exit 1
  for test; do
    mkdir -p "$RESULT_BASE/generic"
    timeout --kill-after=10 "$limit" setsid --wait ./check "generic/$test" >"$RESULT_BASE/$test.said" 2>&1
    code=$?
    if ((code == 124 || code == 137)); then
      result="timeout after $limit s"
    elif [[ -f $RESULT_BASE/generic/$test.notrun ]]; then
      result="notrun $(head -1 "$RESULT_BASE/generic/$test.notrun")"
    elif ((code == 0)); then
      result=passed
    else
      result=failed
    fi
    printf "%s %s\n" "$test" "$result" >>"$run/$place.status"
    # What a test left: nothing but this shell goes on.
    for process in /proc/[0-9]*; do
      [[ ${process#/proc/} == "$$" || $result != timeout* ]] || kill -KILL "${process#/proc/}" 2>/dev/null
    done
    umount -l "$SCRATCH_MNT" 2>/dev/null
    umount -l "$TEST_DIR" 2>/dev/null
  done
  exit 0'

run_suite() { # PLACE
  if [[ $1 == io_uring ]]; then echo on >"$run/io_uring"; else echo off >"$run/io_uring"; fi
  : >"$run/$1.status"
  unshare --mount --pid --fork --mount-proc --kill-child --propagation private \
    bash -c "$inside" bash "$run" "$limit" "$1" "${tests[@]}" >"$run/$1.log" 2>&1 &
  runner=$!
  wait "$runner" || die "the suite ended early on $1: $(tail -1 -- "$run/$1.log")"
  runner=
  printf '%-9s %d tests: %d passed, %d failed, %d took too long, %d cannot be run\n' "$1" "${#tests[@]}" \
    "$(grep -c ' passed$' "$run/$1.status" || true)" "$(grep -c ' failed$' "$run/$1.status" || true)" \
    "$(grep -c ' timeout' "$run/$1.status" || true)" "$(grep -c ' notrun' "$run/$1.status" || true)"
}

# How a test's output differs from what it should be.
told() { # PLACE TEST
  local bad=$run/results/$1/generic/$2.out.bad
  [[ ! -f $bad ]] || diff -- "$run/suite/tests/generic/$2.out" "$bad" | sed -n '2,9s/^/    /p' || true
}

unexplained=0
compare() { # PLACE
  local test status reference why
  while read -r test status; do
    reference=$(sed -n "s/^$test //p" "$run/tmpfs.status")
    [[ $status != "$reference" ]] || continue
    # What does not run on either says nothing, whatever the reasons.
    [[ $status != notrun* || $reference != notrun* ]] || continue
    [[ $status != passed || $reference != notrun* ]] || continue # it can do more
    why=$(sed -n "s/^$test //p" "$tables/expected")
    [[ -n $why ]] || unexplained=$((unexplained + 1))
    printf 'generic/%s on %s: %s (tmpfs: %s)\n' "$test" "$1" "$status" "$reference"
    if [[ -n $why ]]; then printf '    expected: %s\n' "$why"; else told "$1" "$test"; fi
  done <"$run/$1.status"
}

build_suite
choose_tests
write_helper
for place in tmpfs "${places[@]}"; do run_suite "$place"; done
for place in "${places[@]}"; do compare "$place"; done
printf '%d differences that nothing explains\n' "$unexplained"
((unexplained == 0))

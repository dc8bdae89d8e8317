#!/usr/bin/env bash
# Times the same workloads on scratchfs (io_uring and /dev/fuse), tmpfs, the disk's /tmp, libfuse's example memfs_ll and
# other mounts, alternating between them for several rounds. Prints a table of medians with their ratio to tmpfs and the
# targets, and writes JSON and an SVG. docs/performance.md explains the rows. Needs root; builds what is missing; leaves
# no mount, no process and no setting behind.
#
# usage: scripts/bench.sh [options]
#   --quick                 smaller sizes, two rounds, fewer mounts, no jobs: under two minutes
#   --only NAME[,NAME]      run only these workloads, figures or groups; --list shows all
#   --rounds N              number of rounds (default: 3; small-files: 1)
#   --mounts NAME[,NAME]    compare only these mounts
#   --peer NAME='COMMAND'   compare another mount; {} in the command is the mount point. May be repeated
#   --options OPT[,OPT]     additional mount options for scratchfs
#   --cpu N                 the core that clients are pinned to (default: the last)
#   --out DIR               directory for the results (default: build/bench/latest)
#   --docs                  write the tables into docs/performance.md and the graph beside it
#   --requests              count the requests that the kernel sends for each operation; time nothing
#   --list                  list everything that can be run
#
# SCRATCHFS_BIN=PROGRAM times another scratchfs than the one in build/release.
set -euo pipefail
# shellcheck source=lib.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
cd -- "$root"
bin=$root/build/release/bin
bench=$bin/scratchfs_bench
store=$root/build/bench

quick=no only=() rounds='' wanted=() options='' cpu=$(($(nproc) - 1)) out=$store/latest list=no requests=no docs=no
peer_names=()
declare -A peer_commands=()

add_peer() {
  [[ $1 =~ ^[A-Za-z0-9_.-]+=.*\{\} ]] || usage_error "--peer $1: must be NAME='COMMAND with {}'"
  peer_names+=("${1%%=*}")
  peer_commands[${1%%=*}]=${1#*=}
}

while (($#)); do
  case $1 in
    --quick) quick=yes ;;
    --list) list=yes ;;
    --requests) requests=yes ;;
    --docs) docs=yes ;;
    --only | --rounds | --mounts | --peer | --options | --cpu | --out)
      (($# > 1)) || usage_error "$1 needs a value"
      case $1 in
        --only) IFS=, read -ra only <<<"$2" ;;
        --rounds) rounds=$2 ;;
        --mounts) IFS=, read -ra wanted <<<"$2" ;;
        --peer) add_peer "$2" ;;
        --options) options=,$2 ;;
        --cpu) cpu=$2 ;;
        --out) out=$(realpath -m -- "$2") ;;
      esac
      shift
      ;;
    -h | --help) show_help ;;
    *) usage_error "unknown argument $1" ;;
  esac
  shift
done
[[ -z $rounds || $rounds =~ ^[1-9][0-9]*$ ]] || usage_error "--rounds $rounds: not a number"
if [[ $quick == yes && ${#wanted[@]} -eq 0 ]]; then
  wanted=(scratchfs scratchfs-dev-fuse tmpfs memfs_ll "${peer_names[@]}")
fi
scratchfs=${SCRATCHFS_BIN:-$bin/scratchfs}

# shellcheck source=bench/prepare.sh
source scripts/bench/prepare.sh
# shellcheck source=bench/mounts.sh
source scripts/bench/mounts.sh
# shellcheck source=bench/results.sh
source scripts/bench/results.sh

# ---- runs

declare -A given_up=()

# Workloads that a mount is known not to support: null stores nothing; memfs_ll has no mmap with direct I/O, and hangs
# without it.
cannot() { # MOUNT WORK
  case $1/$2 in
    null/readdir | null/rm-rf | null/sort | null/git | null/compile) return 0 ;;
    memfs_ll/mmap | memfs_ll-cached/mmap) return 0 ;;
  esac
  return 1
}

# WORK MOUNT ROUND [further arguments...]
run_one() {
  local work=$1 mount=$2 round=$3 limit=60 flags=() status=0
  shift 3
  [[ $work != small-files ]] || limit=600
  [[ -z ${given_up[$mount/$work]:-} ]] || return 0
  ! cannot "$mount" "$work" || return 0
  if [[ $quick == yes ]]; then
    limit=15
    flags=(--quick)
  fi
  { # in braces for the shell's own words about a signal; in the background for ^C to be heard at once
    timeout -k 5 "$limit" "$bench" run "$work" "${place[$mount]}" --append "$out/results" --mount "$mount" \
      --round "$round" --materials "$materials" "${flags[@]}" "$@" &
    client=$!
    wait "$client" || status=$?
    client=
  } 2>>"$out/errors"
  # Pending disk writes must not disturb the next run.
  [[ $mount != disk ]] || sync -f "${place[disk]}"
  ((status == 0)) && return 0
  # Do not repeat it: it would only fail again, and take as long.
  given_up[$mount/$work]=yes
  if ((status > 100)); then
    note "$work on $mount: given up after $limit s"
    rm -rf --one-file-system -- "${place[$mount]}"/bench.*
  fi
}

# Each round starts with another mount, so that none always runs after the same one.
run_on_all() { # WORK ROUND [further arguments...]
  local work=$1 round=$2 i count=${#names[@]}
  shift 2
  for ((i = 0; i < count; ++i)); do
    run_one "$work" "${names[(i + round - 1) % count]}" "$round" "$@"
  done
}

is_chosen() { # WORK USUAL
  local name
  if ((${#only[@]} == 0)); then
    [[ $2 == usual ]]
    return
  fi
  for name in "${only[@]}"; do
    "$bench" list --plain "$name" | grep -q "^$1 " && return 0
  done
  return 1
}

run_usual() {
  local work how usual group works=() round many
  while read -r work how usual group; do
    if [[ $usual != usual ]] || ! is_chosen "$work" "$usual"; then continue; fi
    if [[ $quick == yes && ${#only[@]} -eq 0 && $group == jobs ]]; then continue; fi
    works+=("$work $how")
  done < <("$bench" list --plain)
  ((${#works[@]})) || return 0
  put_up_all
  for ((round = 1; round <= ${rounds:-$([[ $quick == yes ]] && echo 2 || echo 3)}; ++round)); do
    printf 'round %s (after %s s), load %s\n' "$round" "$SECONDS" "$(cut -d' ' -f1 /proc/loadavg)"
    for many in "${works[@]}"; do
      read -r work how <<<"$many"
      [[ $how == free ]] || run_on_all "$work" "$round" --cpu "$cpu"
      [[ $how == pinned ]] || run_on_all "$work" "$round"
    done
  done
  for work in "${names[@]}"; do take_down "$work"; done
  names=()
}

# ---- larger than memory, and a million files: on separate mounts

readonly spill_budget=$((512 << 20))

# Prints the bandwidth of a fio job in GB/s, from its terse output: fields 7 (read) and 48 (write) are in KB/s.
fio_speed() { # FIELD fio-arguments...
  local field=$1
  shift
  fio --minimal --name=bench --directory="$run/fio" --filename=file --size=$((4 * spill_budget)) \
    --direct=1 "$@" 2>>"$out/errors" | awk -F';' -v field="$field" '{printf "%.4f", $field * 1024 / 1e9}'
}

run_fio() { # ROUND
  mkdir -p -- "$run/fio"
  printf '{"work":"spill","mount":"fio","pinned":false,"round":%s,"figures":{"spill-write":%s,"spill-read":%s,"spill-random-read":%s}}\n' \
    "$1" "$(fio_speed 48 --rw=write --bs=1M --ioengine=psync)" \
    "$(fio_speed 7 --rw=read --bs=1M --ioengine=psync)" \
    "$(fio_speed 7 --rw=randread --bs=64k --ioengine=libaio --iodepth=8 --io_size=$spill_budget)" \
    >>"$out/results"
  rm -rf -- "$run/fio"
}

run_spill() {
  local round
  mkdir -- "$run/spill"
  put_up scratchfs "$(printf %q "$scratchfs") -f {} -o fsname=bench,memory=$spill_budget,spill_dir=$run/spill$options"
  for ((round = 1; round <= ${rounds:-3}; ++round)); do
    run_fio "$round"
    run_one spill scratchfs "$round" --budget "$spill_budget"
  done
  take_down scratchfs
  names=()
}

run_small_files() {
  local round
  put_up scratchfs "$(printf %q "$scratchfs") -f {} -o fsname=bench$options"
  put_up tmpfs "mount -t tmpfs -o size=80%,nr_inodes=0 bench {}"
  for ((round = 1; round <= ${rounds:-1}; ++round)); do
    run_one small-files scratchfs "$round" --daemon "${process[scratchfs]}"
    run_one small-files tmpfs "$round"
  done
  take_down scratchfs
  take_down tmpfs
  names=()
}

count_requests() {
  put_up scratchfs "$(printf %q "$scratchfs") -f {} -o fsname=bench$options"
  printf '| what | requests each |\n| --- | --- |\n'
  python3 tests/bench/requests.py "$scratchfs" "${place[scratchfs]}"
  take_down scratchfs
}

build
[[ $list == no ]] || {
  "$bench" list
  exit 0
}
for name in "${only[@]}"; do
  "$bench" list --plain "$name" >/dev/null || usage_error "--only $name: no such work (--list shows all)"
done
prepare_machine
if [[ $requests == yes ]]; then
  count_requests
  exit 0
fi
make_materials
mkdir -p -- "$out"
: >"$out/results"
: >"$out/errors"
load_before=$(cut -d' ' -f1 /proc/loadavg)
awk '{exit !($1 > 0.7)}' /proc/loadavg && note "the machine is busy (load $load_before): figures will be off"
run_usual
extra=$([[ $quick == yes ]] && echo extra || echo usual)
if is_chosen spill "$extra"; then run_spill; fi
if is_chosen small-files "$extra"; then run_small_files; fi
report

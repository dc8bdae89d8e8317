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
source "$(dirname -- "$0")/lib.sh"
readonly bin=$root/build/release/bin store=$root/build/bench
readonly bench=$bin/scratchfs_bench

quick=no list=no requests=no docs=no only='' rounds='' mounts='' peer=() options='' cpu=$(($(nproc) - 1))
out=$store/latest
parse_options "$@"
[[ -z $rounds ]] || need_number rounds
for command in "${peer[@]}"; do
  [[ $command =~ ^[A-Za-z0-9_.-]+=.*\{\} ]] || usage_error "--peer $command: must be NAME='COMMAND with {}'"
done
[[ $quick == no || -n $mounts ]] || mounts=scratchfs,scratchfs-dev-fuse,tmpfs,memfs_ll$(printf ,%s "${peer[@]%%=*}")
IFS=, read -ra only <<<"$only"
IFS=, read -ra mounts <<<"$mounts"
options=${options:+,$options}
out=$(given_path "$out")

source scripts/bench/prepare.sh
source scripts/bench/mounts.sh
source scripts/bench/results.sh

# ---- runs

declare -A given_up=()

# Workloads that a mount is known not to support: null stores nothing; memfs_ll has no mmap with direct I/O, and hangs
# without it.
readonly unsupported='null/(readdir|rm-rf|sort|git|compile)|memfs_ll(-cached)?/mmap'

# WORK MOUNT ROUND [further arguments...]
run_one() {
  local work=$1 mount=$2 limit=60 flags=() status=0
  [[ $work != small-files ]] || limit=600
  [[ -z ${given_up[$mount/$work]:-} && ! $mount/$work =~ ^($unsupported)$ ]] || return 0
  if [[ $quick == yes ]]; then
    limit=15
    flags=(--quick)
  fi
  { # in braces for the shell's own words about a signal; in the background for ^C to be heard at once
    timeout -k 5 "$limit" "$bench" run "$work" "${place[$mount]}" --append "$out/results" --mount "$mount" \
      --materials "$materials" "${flags[@]}" --round "${@:3}" &
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
  local i count=${#names[@]}
  for ((i = 0; i < count; ++i)); do
    run_one "$1" "${names[(i + $2 - 1) % count]}" "${@:2}"
  done
}

is_chosen() { # WORK USUAL
  local name
  if ((${#only[@]} == 0)); then
    [[ $2 == usual ]]
    return
  fi
  for name in "${only[@]}"; do "$bench" list --plain "$name"; done | grep "^$1 " >/dev/null
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
    printf 'round %s (after %s s), load %s\n' "$round" "$SECONDS" "$(load)"
    for many in "${works[@]}"; do
      read -r work how <<<"$many"
      [[ $how == free ]] || run_on_all "$work" "$round" --cpu "$cpu"
      [[ $how == pinned ]] || run_on_all "$work" "$round"
    done
  done
  take_all_down
}

# ---- larger than memory, and a million files: on separate mounts

readonly spill_budget=$((512 << 20))

# Prints the bandwidth of a fio job in GB/s, from its terse output: fields 7 (read) and 48 (write) are in KB/s.
fio_speed() { # FIELD fio-arguments...
  fio --minimal --name=bench --directory="$run/fio" --filename=file --size=$((4 * spill_budget)) \
    --direct=1 "${@:2}" 2>>"$out/errors" | awk -F';' -v field="$1" '{printf "%.4f", $field * 1024 / 1e9}'
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
  put_up_scratchfs scratchfs ",memory=$spill_budget,spill_dir=$run/spill"
  for ((round = 1; round <= ${rounds:-3}; ++round)); do
    run_fio "$round"
    run_one spill scratchfs "$round" --budget "$spill_budget"
  done
  take_all_down
}

run_small_files() {
  local round
  put_up_scratchfs scratchfs
  put_up tmpfs "$tmpfs"
  for ((round = 1; round <= ${rounds:-1}; ++round)); do
    run_one small-files scratchfs "$round" --daemon "${process[scratchfs]}"
    run_one small-files tmpfs "$round"
  done
  take_all_down
}

count_requests() {
  put_up_scratchfs scratchfs
  printf '| what | requests each |\n| --- | --- |\n'
  python3 tests/bench/requests.py "$scratchfs" "${place[scratchfs]}"
  take_all_down
}

build_bench
if [[ $list == yes ]]; then
  "$bench" list
  exit
fi
for name in "${only[@]}"; do
  "$bench" list --plain "$name" >/dev/null || usage_error "--only $name: no such work (--list shows all)"
done
need_root "mounting a tmpfs needs root"
need_fuse
enable_uring
make_run_dir bench
mkdir -- "$run/mounts"
if [[ $requests == yes ]]; then
  count_requests
  exit
fi
make_materials
mkdir -p -- "$out"
: >"$out/results"
: >"$out/errors"
load_before=$(load)
awk '{exit !($1 > 0.7)}' /proc/loadavg && note "the machine is busy (load $load_before): figures will be off"
run_usual
extra=$([[ $quick == yes ]] && echo extra || echo usual)
if is_chosen spill "$extra"; then run_spill; fi
if is_chosen small-files "$extra"; then run_small_files; fi
report

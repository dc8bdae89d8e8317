#!/usr/bin/env bash
# Times the same work on scratchfs (io_uring, and /dev/fuse), tmpfs, the disk's /tmp, libfuse's example
# memfs_ll and other mounts, in turn, several rounds. Prints a table of medians with the ratio to tmpfs and the
# targets, writes JSON and an SVG. Builds what is missing. Leaves no mount, no process and no setting behind.
# docs/performance.md says what the rows mean. Root only.
#
# usage: scripts/bench.sh [options]
#   --quick                 smaller, two rounds, fewer mounts, no jobs: under two minutes
#   --only NAME[,NAME]      these works, figures or groups alone; --list shows all
#   --rounds N              default 5; jobs 3, spill 3, small-files 1
#   --mounts NAME[,NAME]    of those compared, only these
#   --peer NAME='COMMAND'   another mount; {} in the command stands for the mount point. May be given again
#   --options OPT[,OPT]     more mount options for scratchfs
#   --cpu N                 the core that clients are pinned to (default: the last)
#   --out DIR               where results go (default: build/bench/latest)
#   --svg FILE              where the picture goes (default: DIR/bench.svg)
#   --requests              which requests the kernel sends for what, counted; nothing is timed
#   --list                  what there is to run
#
# SCRATCHFS_BIN=PROGRAM times another scratchfs than the one in build/release.
set -euo pipefail
export LC_ALL=C.UTF-8
umask 022
exec </dev/null
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."
root=$PWD
bin=$root/build/release/bin
bench=$bin/scratchfs_bench
store=$root/build/bench

say() { printf '\n== %s\n' "$*"; }
note() { printf 'note: %s\n' "$*" >&2; }
die() {
  printf 'scripts/bench.sh: %s\n' "$*" >&2
  exit 1
}
usage_error() {
  printf 'scripts/bench.sh: %s\n' "$*" >&2
  exit 2
}

quick=no only=() rounds='' wanted=() options='' cpu=$(($(nproc) - 1)) out=$store/latest svg='' list=no requests=no
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
    --only | --rounds | --mounts | --peer | --options | --cpu | --out | --svg)
      (($# > 1)) || usage_error "$1 needs a value"
      case $1 in
        --only) IFS=, read -ra only <<<"$2" ;;
        --rounds) rounds=$2 ;;
        --mounts) IFS=, read -ra wanted <<<"$2" ;;
        --peer) add_peer "$2" ;;
        --options) options=,$2 ;;
        --cpu) cpu=$2 ;;
        --out) out=$(realpath -m -- "$2") ;;
        --svg) svg=$(realpath -m -- "$2") ;;
      esac
      shift
      ;;
    -h | --help)
      sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}"
      exit 0
      ;;
    *) usage_error "unknown argument $1" ;;
  esac
  shift
done
[[ -z $rounds || $rounds =~ ^[1-9][0-9]*$ ]] || usage_error "--rounds $rounds: not a number"
svg=${svg:-$out/bench.svg}
if [[ $quick == yes && ${#wanted[@]} -eq 0 ]]; then
  wanted=(scratchfs scratchfs-dev-fuse tmpfs memfs_ll "${peer_names[@]}")
fi
scratchfs=${SCRATCHFS_BIN:-$bin/scratchfs}

# ---- what must be there: programs, a memfs_ll, and what jobs work on

build() {
  local log=$store/build.log
  scripts/deps.sh --tests
  mkdir -p -- "$store"
  {
    cmake --preset release &&
      cmake --build --preset release --target scratchfs scratchfs_bench scratchfs_null_fs
  } >"$log" 2>&1 || {
    tail -n 20 -- "$log" >&2
    die "the build failed; all it said is in build/bench/build.log"
  }
}

# libfuse's own example of a file system in memory, from the sources that deps.sh has built libfuse of.
# It has no option for direct I/O, which is faster for all but reading again: so one is built with it.
build_memfs() {
  local source=$root/build/deps/fuse3/example/memfs_ll.cc stage=$root/build/deps/stage/usr flags
  [[ -x $store/memfs_ll && $store/memfs_ll -nt $source ]] && return 0
  [[ -r $source ]] || {
    note "no memfs_ll: build/deps/fuse3 with libfuse's sources is not there"
    return 1
  }
  read -ra flags < <(PKG_CONFIG_PATH=$stage/lib/pkgconfig pkg-config --cflags --libs --static fuse3)
  sed 's/^\tfi->fh = \(e\.\)\{0,1\}ino;/& fi->direct_io = 1; fi->parallel_direct_writes = 1;/' \
    "$source" >"$store/memfs_ll_direct.cc"
  [[ $(grep -c 'fi->direct_io = 1' "$store/memfs_ll_direct.cc") == 2 ]] ||
    die "memfs_ll.cc is not what it was: look at build_memfs in scripts/bench.sh"
  local common=(g++ -std=c++20 -O2 -D_FILE_OFFSET_BITS=64 -DHAVE_LINUX_LIMITS_H)
  "${common[@]}" -o "$store/memfs_ll_cached" "$source" "${flags[@]}"
  "${common[@]}" -o "$store/memfs_ll" "$store/memfs_ll_direct.cc" "${flags[@]}"
}

# The same on every machine: a tree of 4,000 sources, a repository of it, lines to sort, C++ to compile.
make_materials() {
  materials=$store/materials-1
  [[ -d $materials ]] && return 0
  say "making what the jobs work on (once)"
  local new=$store/materials.new
  rm -rf -- "$new"
  mkdir -p -- "$new/sources"
  python3 - "$new" <<'END'
import os, random, sys
random.seed(1)
words = ["".join(random.choices("abcdefghijklmnopqrstuvwxyz_", k=random.randint(2, 12))) for _ in range(3000)]
for number in range(4000):
    folder = f"{sys.argv[1]}/tree/part{number % 16}/folder{number % 240}"
    os.makedirs(folder, exist_ok=True)
    lines = int(random.lognormvariate(4.5, 1.1))
    with open(f"{folder}/source{number}.c", "w") as file:
        for _ in range(lines):
            file.write(" ".join(random.choices(words, k=random.randint(1, 9))) + ";\n")
with open(f"{sys.argv[1]}/lines", "w") as file:
    for _ in range(64):
        block = random.randbytes(1000000).hex()
        file.writelines(block[i:i + 40] + "\n" for i in range(0, len(block), 40))
END
  tar -C "$new" -cf "$new/tree.tar" tree
  (
    export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1
    export GIT_AUTHOR_NAME=b GIT_AUTHOR_EMAIL=b@b GIT_COMMITTER_NAME=b GIT_COMMITTER_EMAIL=b@b
    git -C "$new/tree" init -q -b main
    git -C "$new/tree" add .
    git -C "$new/tree" commit -q -m tree
    git clone -q --bare "$new/tree" "$new/tree.git"
  )
  rm -rf -- "$new/tree"
  cp -r -- fs "$new/sources/fs"
  cp -- fs/base/*.cc fs/limits/*.cc fs/content/*.cc "$new/sources/"
  find "$new/sources" -maxdepth 1 -name '*.cc' -printf '%f\n' | sort >"$new/sources/list"
  mv -- "$new" "$materials"
}

# ---- mounts

run='' uring_before=''
uring_switch=/sys/module/fuse/parameters/enable_uring
names=()
declare -A place=() process=()

clean_up() {
  local status=$? name
  trap - EXIT
  set +e # whatever fails here, the rest is still to be done
  for name in "${names[@]}"; do take_down "$name"; done
  [[ -z $uring_before ]] || echo "$uring_before" >"$uring_switch"
  [[ -z $run ]] || rm -rf --one-file-system -- "$run"
  exit "$status"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

is_mounted() { awk -v point="$1" '$5 == point {found = 1} END {exit !found}' /proc/self/mountinfo; }

is_wanted() {
  local name
  ((${#wanted[@]})) || return 0
  for name in "${wanted[@]}"; do [[ $name == "$1" ]] && return 0; done
  return 1
}

# Waits for a process of ours; after ten seconds kills it.
await_end() {
  local i
  for ((i = 0; i < 100; ++i)); do
    kill -0 "$1" 2>/dev/null || return 0
    sleep 0.1
  done
  note "process $1 did not end with its mount; killed"
  kill -KILL "$1"
}

take_down() {
  local point=${place[$1]:-} i
  [[ -n $point ]] || return 0
  for ((i = 0; i < 20; ++i)); do
    is_mounted "$point" || break
    umount -- "$point" 2>/dev/null || fusermount3 -u -- "$point" 2>/dev/null || sleep 0.1
  done
  if is_mounted "$point"; then
    note "$1 is busy; detached"
    umount -l -- "$point"
  fi
  [[ -z ${process[$1]:-} ]] || await_end "${process[$1]}"
  unset "place[$1]" "process[$1]"
}

# NAME COMMAND: the command mounts on {} and stays, or leaves a daemon; its output goes to NAME.log.
put_up() {
  local name=$1 point=$run/mounts/$1 command i
  command=${2//'{}'/$(printf %q "$point")}
  mkdir -p -- "$point"
  names+=("$name")
  place[$name]=$point
  bash -c "exec $command" >"$run/$name.log" 2>&1 &
  process[$name]=$!
  for ((i = 0; i < 200; ++i)); do
    is_mounted "$point" && stat -- "$point" >/dev/null 2>&1 && break
    if ! kill -0 "${process[$name]}" 2>/dev/null && ! wait "${process[$name]}"; then
      cat -- "$run/$name.log" >&2
      die "$name: mounting failed: $command"
    fi
    sleep 0.1
  done
  is_mounted "$point" || die "$name: not mounted after 20 s: $command"
  chmod 0777 -- "$point" 2>/dev/null || true
}

put_up_if_wanted() { if is_wanted "$1"; then put_up "$@"; fi; }

prepare_machine() {
  [[ $(id -u) -eq 0 ]] || die "mounting a tmpfs needs root: run it as root"
  [[ -c /dev/fuse ]] || modprobe fuse 2>/dev/null || die "/dev/fuse is missing: load the module fuse"
  if [[ -w $uring_switch && $(<"$uring_switch") == N ]]; then
    uring_before=N
    echo Y >"$uring_switch"
  elif [[ ! -e $uring_switch ]]; then
    note "this kernel has no FUSE over io_uring; scratchfs falls back to /dev/fuse"
  fi
  run=$(mktemp -d /tmp/scratchfs-bench.XXXXXXXX)
  mkdir -- "$run/mounts"
}

put_up_all() {
  local name
  put_up_if_wanted scratchfs "$(printf %q "$scratchfs") -f {} -o fsname=bench$options"
  put_up_if_wanted scratchfs-dev-fuse "$(printf %q "$scratchfs") -f {} -o fsname=bench,io_uring=off$options"
  put_up_if_wanted tmpfs "mount -t tmpfs -o size=80%,nr_inodes=0 bench {}"
  if is_wanted disk; then
    names+=(disk)
    mkdir -- "$run/mounts/disk"
    place[disk]=$run/mounts/disk
  fi
  if build_memfs; then
    local uring=''
    [[ -e $uring_switch ]] && uring=,io_uring
    put_up_if_wanted memfs_ll "$(printf %q "$store/memfs_ll") -f -o allow_other$uring {}"
    put_up_if_wanted memfs_ll-cached "$(printf %q "$store/memfs_ll_cached") -f -o allow_other$uring {}"
  fi
  put_up_if_wanted null "$(printf %q "$bin/scratchfs_null_fs") {}"
  for name in "${peer_names[@]}"; do put_up_if_wanted "$name" "${peer_commands[$name]}"; done
}

# ---- runs

declare -A given_up=()

# WORK MOUNT ROUND [further arguments...]
run_one() {
  local work=$1 mount=$2 round=$3 limit=100 flags=() status=0
  shift 3
  [[ -z ${given_up[$mount/$work]:-} ]] || return 0
  if [[ $quick == yes ]]; then
    limit=15
    flags=(--quick)
  fi
  { # in braces for the shell's own words about a signal
    timeout -k 5 "$limit" "$bench" run "$work" "${place[$mount]}" --append "$out/results" --mount "$mount" \
      --round "$round" --materials "$materials" "${flags[@]}" "$@" || status=$?
  } 2>>"$out/errors"
  ((status == 0)) && return 0
  # Once is enough: it would only fail again, and take as long.
  given_up[$mount/$work]=yes
  if ((status > 100)); then
    note "$work on $mount: given up after $limit s"
    rm -rf --one-file-system -- "${place[$mount]}"/bench.*
  fi
  # What the disk still has to write shall not disturb the next.
  [[ $mount != disk ]] || sync -f "${place[disk]}"
}

# Each round begins with another mount, so that none always comes after the same.
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

is_job() { [[ $1 == untar-rm || $1 == sort || $1 == tempfiles || $1 == git || $1 == compile ]]; }

run_usual() {
  local work how usual works=() round many
  while read -r work how usual; do
    if [[ $usual != usual ]] || ! is_chosen "$work" "$usual"; then continue; fi
    if [[ $quick == yes && ${#only[@]} -eq 0 ]] && is_job "$work"; then continue; fi
    works+=("$work $how")
  done < <("$bench" list --plain)
  ((${#works[@]})) || return 0
  put_up_all
  for ((round = 1; round <= ${rounds:-$([[ $quick == yes ]] && echo 2 || echo 5)}; ++round)); do
    printf 'round %s (after %s s), load %s\n' "$round" "$SECONDS" "$(cut -d' ' -f1 /proc/loadavg)"
    for many in "${works[@]}"; do
      read -r work how <<<"$many"
      is_job "$work" && ((${rounds:-3} < round)) && continue
      [[ $how == free ]] || run_on_all "$work" "$round" --cpu "$cpu"
      [[ $how == pinned ]] || run_on_all "$work" "$round"
    done
  done
  for work in "${names[@]}"; do take_down "$work"; done
  names=()
}

# ---- beyond memory, and a million files: mounts of their own

readonly spill_budget=$((512 << 20))

# fio's bandwidth in GB/s of a job, from its terse output: KB/s are field 7 (read) and 48 (write).
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

# ---- what came out

about() {
  printf '{"date":"%s","kernel":"%s","processor":"%s","cores":%s,"memory_mib":%s,"scratchfs":"%s","quick":"%s","pinned_to":%s,"load":"%s","seconds":%s}' \
    "$(date -u +%FT%H:%MZ)" "$(uname -r)" "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)" \
    "$(nproc)" "$(awk '/^MemTotal/ {print int($2 / 1024)}' /proc/meminfo)" \
    "$("$scratchfs" --version | head -n 1) $(git rev-parse --short HEAD 2>/dev/null || true)" \
    "$quick" "$cpu" "$load_before, $(cut -d' ' -f1 /proc/loadavg) after" "$SECONDS"
}

# A line a figure, a mark a mount: how many times tmpfs's time it takes.
draw() {
  local rows
  rows=$(($(wc -l <"$out/plot.data") - 1))
  ((rows > 0)) || return 0
  gnuplot 2>>"$out/errors" <<END || note "gnuplot could not draw: see $out/errors"
set terminal svg size 900,$((120 + 18 * rows)) dynamic font "sans-serif,12" background "white"
set output "$svg"
set title "Time taken, in times of tmpfs's (left is faster)"
set logscale x
set format x "%g x"
set xtics (0.01, 0.1, 0.5, 1, 2, 5, 10, 30, 100)
set grid xtics ytics lc rgb "#dddddd"
set yrange [$rows - 0.5:-0.5]
set key below
set arrow from 1, graph 0 to 1, graph 1 nohead lc rgb "#888888"
set datafile missing "?"
set pointsize 0.8
plot for [column=2:$(head -n 1 "$out/plot.data" | wc -w)] "$out/plot.data" using column:0:yticlabels(1) \
  with points pt 7 title columnheader(column)
END
}

report() {
  say "medians, and in brackets how many times tmpfs's (times: less is better; GB/s and k/s: more is better)"
  "$bench" report "$out/results" --about "$(about)" --json "$out/bench.json" --markdown "$out/bench.md" \
    --plot "$out/plot.data"
  draw
  printf '\nAfter %s s. JSON, markdown and picture: %s\n' "$SECONDS" "$out"
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

# shellcheck shell=bash
# What the scripts beside it share, sourced first: they run at the top of the checkout, parse options by their own help
# text, find or build the program, and clean up however they end.
set -euo pipefail
export LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive
umask 022
exec </dev/null # no script is interactive
readonly started_in=$PWD self=scripts/${0##*/} uring_switch=/sys/module/fuse/parameters/enable_uring
root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
readonly root
cd -- "$root"

# ---- messages

say() { printf '\n== %s\n' "$*"; }
note() { printf 'note: %s\n' "$*" >&2; }
fail() { # STATUS MESSAGE
  printf '%s: %s\n' "$self" "$2" >&2
  exit "$1"
}
die() { fail 1 "$*"; }
usage_error() { fail 2 "$*"; }

# ---- options

# The comment at the top of the script.
help_text() { sed -n '1d;/^#/!q;s/^# \{0,1\}//p' "$root/$self"; }

# Parses the arguments of the script. A line `  --name ` of the help text declares a flag, which sets $name to yes;
# `  --name VALUE` declares an option, which sets $name, or appends to it where it is an array. Other arguments go to
# $words, if the help text has a line for them (`  NAME `).
parse_options() {
  local help name
  help=$(help_text)
  words=()
  for ((; $#; )); do
    name=${1#--}
    name=${name//-/_}
    if [[ $1 == -h || $1 == --help ]]; then
      printf '%s\n' "$help"
      exit 0
    elif [[ $1 != -* ]] && grep -qE '^  [A-Z_]+ ' <<<"$help"; then
      words+=("$1")
    elif [[ ! $1 =~ ^--[a-z-]+$ ]]; then
      usage_error "unknown argument $1"
    elif grep -qE "^  $1( {2}|$)" <<<"$help"; then
      printf -v "$name" yes
    elif grep -qE "^  $1 " <<<"$help"; then
      (($# > 1)) || usage_error "$1 needs a value"
      if [[ $(declare -p "$name") == 'declare -a'* ]]; then
        local -n appended_to=$name
        appended_to+=("$2")
      else
        printf -v "$name" %s "$2"
      fi
      shift
    else
      usage_error "unknown argument $1"
    fi
    shift
  done
}

need_number() { # NAME: of an option whose value must be a number above 0
  [[ ${!1} =~ ^[1-9][0-9]*$ ]] || usage_error "--$1 ${!1}: not a number"
}

# A path that was given on the command line, made absolute.
given_path() { (cd -- "$started_in" && realpath -m -- "$1"); }

# ---- what a script needs

need_root() { # WHY
  ((EUID == 0)) || die "$1: run as root"
}

# Runs the script anew with mounts that nobody else sees; takes its arguments.
in_own_mount_namespace() {
  [[ -z ${SCRATCHFS_OWN_MOUNTS:-} ]] || return 0
  cd -- "$started_in"
  SCRATCHFS_OWN_MOUNTS=1 exec unshare --mount --propagation private -- "$root/$self" "$@"
}

# Configures and builds. Shows the progress on a terminal, or where show_build is set; otherwise only what failed.
show_build=''
[[ ! -t 1 ]] || show_build=yes
build() { # PRESET [TARGET...]
  local log=build/$1.log command=(cmake --build --preset "$1" -j "$(nproc)" ${2:+--target "${@:2}"})
  mkdir -p build
  cmake --preset "$1" "${configure_options[@]}" >"$log" 2>&1 &&
    if [[ -n $show_build ]]; then "${command[@]}"; else "${command[@]}" >>"$log" 2>&1; fi && return
  tail -n 40 -- "$log" >&2
  die "building the preset $1 failed; the log is in $log"
}
configure_options=() # further arguments for cmake

# Sets scratchfs, and SCRATCHFS_BIN for what the script starts, to the program to test: SCRATCHFS_BIN, or that of the
# release build, which is built if need be.
find_program() {
  [[ -n ${SCRATCHFS_BIN:-} ]] || build release scratchfs
  scratchfs=$(given_path "${SCRATCHFS_BIN:-$root/build/release/bin/scratchfs}")
  [[ -x $scratchfs ]] || die "$scratchfs is not a program"
  export SCRATCHFS_BIN=$scratchfs
}

need_fuse() {
  [[ -e /dev/fuse ]] || modprobe fuse 2>/dev/null || true
  [[ -c /dev/fuse ]] || die "/dev/fuse is missing: load the module fuse, or give the container --device /dev/fuse"
  # shellcheck disable=SC2188  # only whether it opens
  (: <>/dev/fuse) 2>/dev/null || die "/dev/fuse cannot be opened: run as root, or give the container CAP_SYS_ADMIN"
}

# ---- what ends with the script

run='' uring_before=''

# Sets run to a new directory, which every user may enter.
make_run_dir() { # NAME
  run=$(mktemp -d "/tmp/scratchfs-$1.XXXXXXXX")
  chmod 0755 "$run"
}

# Enables FUSE over io_uring in the kernel until the script ends.
enable_uring() {
  if [[ -w $uring_switch && $(<"$uring_switch") == N ]]; then
    uring_before=N
    echo Y >"$uring_switch"
  elif [[ ! -e $uring_switch ]]; then
    note "this kernel has no FUSE over io_uring"
  fi
}

# Scripts that have more to clean up define it anew. Its errors are ignored.
at_exit() { :; }

# shellcheck disable=SC2317  # the trap calls it
clean_up() {
  local status=$? point
  trap - EXIT
  set +e # whatever fails here, the rest is still to be done
  at_exit
  [[ -z $uring_before ]] || echo "$uring_before" >"$uring_switch"
  if [[ -n $run ]]; then
    unmount_below "$run"
    rm -rf --one-file-system -- "$run"
  fi
  exit "$status"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# Detaches all mounts below the directory, the last one first.
unmount_below() { # DIR
  local point
  awk -v below="$1/" 'index($5, below) == 1 {print $5}' /proc/self/mountinfo | tac |
    while IFS= read -r point; do umount -l -- "$(printf '%b' "$point")"; done
}

# shellcheck shell=bash
# Part of bench.sh: mounts and unmounts the file systems under test.
# shellcheck disable=SC2154  # bench.sh sets the variables

readonly tmpfs='mount -t tmpfs -o size=80%,nr_inodes=0 bench {}'
client='' names=()
declare -A place=() process=()

# shellcheck disable=SC2317  # called when the script ends
at_exit() {
  [[ -z $client ]] || { kill -TERM "$client" && wait "$client"; } # timeout(1) passes it on to all that it started
  take_all_down
}

is_mounted() { awk -v point="$1" '$5 == point {found = 1} END {exit !found}' /proc/self/mountinfo; }

is_wanted() { ((${#mounts[@]} == 0)) || [[ " ${mounts[*]} " == *" $1 "* ]]; }

# Waits for a process that we started; kills it after ten seconds.
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

take_all_down() {
  local name
  for name in "${names[@]}"; do take_down "$name"; done
  names=()
}

# NAME COMMAND: runs a command that mounts on {} and stays in the foreground or leaves a daemon. Logs to NAME.log.
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

put_up_scratchfs() { # NAME [OPTIONS]
  put_up "$1" "$(printf %q "$scratchfs") -f {} -o fsname=bench${2:-}$options"
}

put_up_all() {
  local command uring=''
  ! is_wanted scratchfs || put_up_scratchfs scratchfs
  ! is_wanted scratchfs-dev-fuse || put_up_scratchfs scratchfs-dev-fuse ,io_uring=off
  put_up_if_wanted tmpfs "$tmpfs"
  if is_wanted disk; then
    names+=(disk)
    place[disk]=$run/mounts/disk
    mkdir -- "$run/mounts/disk"
  fi
  if build_memfs; then
    [[ ! -e $uring_switch ]] || uring=,io_uring
    put_up_if_wanted memfs_ll "$(printf %q "$store/memfs_ll") -f -o allow_other$uring {}"
    put_up_if_wanted memfs_ll-cached "$(printf %q "$store/memfs_ll_cached") -f -o allow_other$uring {}"
  fi
  put_up_if_wanted null "$(printf %q "$bin/scratchfs_null_fs") {}"
  for command in "${peer[@]}"; do put_up_if_wanted "${command%%=*}" "${command#*=}"; done
}

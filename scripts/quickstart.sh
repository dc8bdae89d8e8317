#!/usr/bin/env bash
# From a clean clone to a mounted scratchfs: installs missing packages, builds, mounts, and shows what it did.
# Safe to run again.
#
# usage: scripts/quickstart.sh [MOUNTPOINT]
#   MOUNTPOINT   where to mount (default: /scratch)
source "$(dirname -- "$0")/lib.sh"

parse_options "$@"
((${#words[@]} <= 1)) || usage_error "one mount point at most"
mountpoint=$(given_path "${words[0]:-/scratch}")
readonly scratchfs=$root/build/quickstart/bin/scratchfs
# Quoted, so that they can be copied from the screen.
printf -v command_name %q "$scratchfs"
printf -v place %q "$mountpoint"

mount_it() {
  if [[ $(findmnt -n -o FSTYPE --mountpoint "$mountpoint" 2>/dev/null | tail -n 1) == fuse.scratchfs ]]; then
    # A mount without a daemon is useless: replace it.
    if "$scratchfs" status "$mountpoint" >/dev/null 2>&1; then
      echo "$mountpoint is mounted already; leaving it as it is"
      return
    fi
    "$scratchfs" umount "$mountpoint"
  fi
  mkdir -p -- "$mountpoint"
  "$scratchfs" "$mountpoint"
  echo "$command_name $place"
}

# Shows that a file exists while it is open and is gone once it is closed.
show_a_file_that_vanishes() {
  local file=$mountpoint/hello.$$
  exec {open}>"$file"
  echo 'here today' >&"$open"
  printf 'open:    '
  ls -l -- "$file"
  exec {open}>&-
  printf 'closed:  '
  if [[ -e $file ]]; then
    rm -- "$file"
    echo 'still there: this mount keeps files (lifetime=mount); removed'
  else
    ls -l -- "$file" 2>&1 || true
  fi
}

say "installing what is missing"
scripts/deps.sh
say "building (some minutes the first time)"
build quickstart
say "mounting on $mountpoint"
mount_it
findmnt --mountpoint "$mountpoint"
say "a file that nothing holds any more is deleted"
show_a_file_that_vanishes
say "how much there is"
df -h -- "$mountpoint"
say "what next"
cat <<END
Use it:           export TMPDIR=$place
Look at it:       $command_name status $place
Unmount and wipe: $command_name umount $place
More:             README.md, $command_name mount --help
END

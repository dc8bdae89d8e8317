#!/usr/bin/env bash
# Runs mixed load on a mount for a given time. Samples the daemon's memory, descriptors and threads, the kernel's slab,
# the spill file and the charges every few seconds. Afterwards removes all files, reports what is left or has grown, and
# draws the curves. Needs root; builds what is missing; leaves no mount and no process behind.
#
# usage: scripts/soak.sh [options]
#   --seconds N       how long (default: 3600)
#   --options OPTS    mount options (default: memory=128M,quota=2G)
#   --out DIR         directory for the samples and the graph (default: build/soak)
#   --docs            also copy the graph to docs/
#
# SCRATCHFS_BIN=PROGRAM tests another scratchfs than the one in build/release.
# Exit code: 0 nothing was left or has grown, 1 something was or has, 2 usage error.
source "$(dirname -- "$0")/lib.sh"

seconds=3600 options=memory=128M,quota=2G out=$root/build/soak docs=no
parse_options "$@"
need_number seconds
out=$(given_path "$out")
need_root "loads run as several users"
find_program
make_run_dir soak
mkdir "$run/mount"
mkdir -p -- "$out"

load=
# shellcheck disable=SC2317  # called when the script ends
at_exit() { # the daemon ends with its mount
  [[ -z $load ]] || { kill -TERM "$load" && wait "$load"; } 2>/dev/null
  "$scratchfs" umount "$run/mount" 2>/dev/null
}

"$scratchfs" "$run/mount" -o "$options"
scripts/soak/load.py "$run/mount" "$seconds" &
load=$!
status=0
scripts/soak/sample.py --bin "$scratchfs" --mount "$run/mount" --load "$load" --out "$out/samples.tsv" || status=$?
wait "$load" || status=1
load=

gnuplot >/dev/null 2>"$out/errors" <<END || die "gnuplot could not draw: see $out/errors"
set terminal svg size 900,700 dynamic noenhanced font "sans-serif,11" background "white"
set output "$out/soak.svg"
set datafile separator "\t"
set multiplot layout 4,1 title "scratchfs -o $options under mixed load for $seconds s"
set key outside right top
set grid ytics lc rgb "#dddddd"
set yrange [0:*]
plot for [c in "resident used reserve"] "$out/samples.tsv" using "seconds":c with lines title c." MiB"
plot for [c in "spilled charged"] "$out/samples.tsv" using "seconds":c with lines title c." MiB"
plot for [c in "descriptors threads"] "$out/samples.tsv" using "seconds":c with lines title c
set xlabel "seconds"
plot for [c in "inodes fuse_inode"] "$out/samples.tsv" using "seconds":c with lines title c
unset multiplot
END
[[ $docs == no ]] || cp -- "$out/soak.svg" docs/soak.svg
printf 'samples and picture: %s\n' "$out"
exit "$status"

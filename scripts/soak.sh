#!/usr/bin/env bash
# Mixed load on a mount for a given time, with a look each few seconds at the daemon's memory, descriptors and threads,
# the kernel's slab, the spill file and what is charged. Afterwards everything is removed: what is left then, or has
# grown, is told. Draws the curves. Root only; builds what is missing; leaves no mount and no process behind.
#
# usage: scripts/soak.sh [options]
#   --seconds N       how long (default: 3600)
#   --options OPTS    mount options (default: memory=128M,quota=2G)
#   --out DIR         where samples and picture go (default: build/soak)
#   --docs            put the picture into docs/
#
# SCRATCHFS_BIN=PROGRAM: another scratchfs than the one in build/release.
# Exit code: 0 flat, 1 something was left or has grown, 2 usage.
set -euo pipefail
# shellcheck source=lib.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
cd -- "$root"

seconds=3600 options=memory=128M,quota=2G out=build/soak docs=no
while (($#)); do
  case $1 in
    --docs) docs=yes ;;
    --seconds | --options | --out)
      (($# > 1)) || usage_error "$1 needs a value"
      case $1 in
        --seconds) seconds=$2 ;;
        --options) options=$2 ;;
        --out) out=$2 ;;
      esac
      shift
      ;;
    -h | --help) show_help ;;
    *) usage_error "unknown argument $1" ;;
  esac
  shift
done
[[ $seconds =~ ^[1-9][0-9]*$ ]] || usage_error "--seconds $seconds: not a number of seconds"
((EUID == 0)) || die "loads run as several users: run it as root"

if [[ -z ${SCRATCHFS_BIN:-} ]]; then
  cmake --preset release >/dev/null
  cmake --build --preset release --target scratchfs
  SCRATCHFS_BIN=$PWD/build/release/bin/scratchfs
fi

run=$(mktemp -d /tmp/scratchfs-soak.XXXXXXXX)
chmod 0755 "$run"
mkdir "$run/mount"
load=
# shellcheck disable=SC2317  # the trap calls it
clean_up() {
  local status=$?
  trap - EXIT
  set +e # whatever fails here, the rest is still to be done
  [[ -z $load ]] || { kill -TERM "$load" && wait "$load"; } 2>/dev/null
  "$SCRATCHFS_BIN" umount "$run/mount" 2>/dev/null || umount -l -- "$run/mount" 2>/dev/null
  rm -rf --one-file-system -- "$run"
  exit "$status"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

mkdir -p -- "$out"
"$SCRATCHFS_BIN" "$run/mount" -o "$options"
scripts/soak/load.py "$run/mount" "$seconds" &
load=$!
status=0
scripts/soak/sample.py --bin "$SCRATCHFS_BIN" --mount "$run/mount" --load "$load" --out "$out/samples.tsv" || status=$?
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

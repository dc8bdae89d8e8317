#!/usr/bin/env bash
# Boots Debian's own kernels in emulated machines (qemu without KVM, so that it runs in a guest, too) and runs tests of
# the release build on each: mounted, parity and closing tests, 10,000 rounds of "gone after close", a spill round trip,
# kill -9 of the daemon, and programs (git, sqlite3, python3, gcc). Prints a table of what passed and failed over which
# transport; a guest that hangs, panics or complains fails, and its console is shown. What each test said is then in
# build/kernels/results. Needs root and the network; kernels and the guest's root are kept in build/kernels.
#
# usage: scripts/test-kernels.sh [--quick] [NAME...]
#   NAME      one of 6.1 (Debian 12), 6.12 (Debian 13), newest (unstable, FUSE over io_uring); none: all
#   --quick   what takes about four minutes on two cores
#
# SCRATCHFS_DEB_MIRROR=URL names the Debian mirror.
source "$(dirname -- "$0")/lib.sh"
source scripts/apt.sh
source scripts/test-kernels/packages.sh
source scripts/test-kernels/guest.sh

quick=no
parse_options "$@"
for name in "${words[@]}"; do
  [[ -n ${suites[$name]:-} ]] || usage_error "no kernel is called $name"
done
((${#words[@]})) || words=(6.1 6.12 newest)
need_root "the guest's root holds root's files"
# Seconds that a guest may take, on a machine that is busy otherwise.
if [[ $quick == yes ]]; then set=quick limit=900; else set=full limit=7200; fi
readonly lab=$root/build/kernels

scripts/deps.sh --tests
build release scratchfs mounted_tests parity_tests stress_tests

mkdir -p -- "$lab/results"
exec {lock}>"$lab/lock" # two runs at once would build the same images
flock "$lock"
make_root "$lab/root.ext4"
make_payload "$lab/payload.tar"

# Runs a guest to its end; what it writes to its disks is thrown away.
boot() { # NAME
  local dir=$lab/$1 status=0
  timeout --kill-after=10 "$limit" nice -n 5 qemu-system-x86_64 \
    -accel tcg,thread=multi -cpu max,la57=off -smp 2 -m 3072 -nodefaults -display none -no-reboot \
    -kernel "$(image_of "$dir")" -initrd "$dir/initramfs" \
    -append "console=ttyS0 panic=-1 panic_on_oops=1 mitigations=off loglevel=5 fuse.enable_uring=1 lab.set=$set" \
    -drive "file=$lab/root.ext4,format=raw,if=virtio,snapshot=on,cache=unsafe" \
    -drive "file=$lab/payload.tar,format=raw,if=virtio,readonly=on" \
    -serial "file:$lab/results/$1.console" -serial "file:$lab/results/$1.json" || status=$?
  ((status != 124)) || note "$1: not at its end after $limit s"
}

for name in "${words[@]}"; do
  say "$name (after $SECONDS s)"
  rm -f -- "$lab/results/$name".*
  get_kernel "${suites[$name]}" "$lab/$name"
  make_initramfs "$lab/$name" "$lab/$name/initramfs"
  boot "$name"
done
python3 scripts/test-kernels/table.py "$lab/results" "${words[@]}"

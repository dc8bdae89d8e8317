#!/usr/bin/env bash
# What takes too long for every change: random operations compared with tmpfs (ten minutes, over both transports,
# another seed each time), two hundred kills of a busy daemon over each transport, the fuzzers (a minute each), the tests
# on each of Debian's kernels (scripts/test-kernels.sh), a build, tests and the package in Debian 12, 13 and unstable
# (scripts/test-releases.sh), and xfstests where a checkout of it is given. Needs root and the network; builds what is
# missing.
#
# usage: scripts/nightly.sh [--model SECONDS] [--fuzz SECONDS] [--no-kernels] [--no-releases] [--xfstests DIR]
#   --model SECONDS   of random operations in all (default: 600)
#   --fuzz SECONDS    of each fuzzer (default: 60); 0: none
#   --no-kernels      this machine's kernel is enough
#   --no-releases     this machine's Debian is enough
#   --xfstests DIR    for scripts/test-xfstests.sh, which takes hours
source "$(dirname -- "$0")/lib.sh"

model=600 fuzz=60 no_kernels=no no_releases=no xfstests=
parse_options "$@"
[[ $model =~ ^[0-9]+$ && $fuzz =~ ^[0-9]+$ ]] || usage_error "--model and --fuzz need a number of seconds"
[[ -z $xfstests ]] || xfstests=$(given_path "$xfstests")

show_build=yes
build release scratchfs stress_tests
failed=0
# Two kinds of runs over two transports share the time. The output names a seed that fails.
SCRATCHFS_BIN=$PWD/build/release/bin/scratchfs SCRATCHFS_MODEL_SECONDS=$((model / 4)) \
  SCRATCHFS_MODEL_SEED=$(($(date +%s) % 1000000 * 1000)) \
  SCRATCHFS_KILLS=200 build/release/bin/stress_tests --gtest_filter='*Model.*:*Kills.*' || failed=1
((fuzz == 0)) || scripts/fuzz.sh "$fuzz" || failed=1
[[ $no_releases == yes ]] || scripts/test-releases.sh || failed=1
[[ -z $xfstests ]] || scripts/test-xfstests.sh "$xfstests" || failed=1
[[ $no_kernels == yes ]] || scripts/test-kernels.sh || failed=1
exit "$failed"

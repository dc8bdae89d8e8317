#!/usr/bin/env bash
# Builds the fuzzers of tests/fuzz (clang++, libFuzzer, ASan, UBSan) and runs each for a while, from the seeds in
# tests/fuzz/corpus and from what earlier runs found in build/fuzz/corpus. Inputs that break something are left in
# build/fuzz/findings; `build/fuzz/bin/fuzz_NAME FILE` runs one again.
#
# usage: scripts/fuzz.sh [SECONDS [NAME...]]
#   SECONDS   for each of them (default: 60)
#   NAME      only these: options, sizes, control, requests
#
# Exit code: 0 nothing was found, 1 something was, or the build failed, 2 usage.
set -euo pipefail
# shellcheck source=lib.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
cd -- "$root"

[[ ${1:-} != -h && ${1:-} != --help ]] || show_help
seconds=${1:-60}
[[ $seconds =~ ^[1-9][0-9]*$ ]] || usage_error "$seconds is not a number of seconds"
names=("${@:2}")
((${#names[@]})) || names=(options sizes control requests)
for name in "${names[@]}"; do
  [[ -d tests/fuzz/corpus/$name ]] || usage_error "there is no fuzzer $name"
done

mkdir -p build/fuzz/findings
cmake --preset fuzz >build/fuzz/configure.log 2>&1 || {
  tail -n 20 build/fuzz/configure.log >&2
  exit 1
}
cmake --build --preset fuzz >build/fuzz/build.log 2>&1 || {
  tail -n 40 build/fuzz/build.log >&2
  exit 1
}

found=0
for name in "${names[@]}"; do
  grown=build/fuzz/corpus/$name log=build/fuzz/$name.log
  mkdir -p "$grown"
  # libFuzzer stops at the first finding. Inputs of 2 KiB are a hundred requests.
  if "build/fuzz/bin/fuzz_$name" -max_total_time="$seconds" -max_len=2048 -timeout=60 -rss_limit_mb=2048 \
    -print_final_stats=1 -artifact_prefix="build/fuzz/findings/$name-" \
    "$grown" "tests/fuzz/corpus/$name" >"$log" 2>&1; then
    printf 'fuzz %-9s nothing found in %s runs\n' "$name" \
      "$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")"
  else
    grep -vE '^#[0-9]+\s+(NEW|REDUCE|pulse|RELOAD)' "$log" | tail -n 60 >&2
    printf 'fuzz %-9s FOUND something, see above and build/fuzz/findings\n' "$name"
    found=1
  fi
done
exit "$found"

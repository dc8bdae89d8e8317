#!/usr/bin/env bash
# Builds the fuzzers of tests/fuzz (preset asan: clang++, libFuzzer, ASan, UBSan) and runs each for a while. They start
# from the seeds in tests/fuzz/corpus and the inputs that earlier runs left in build/fuzz/corpus. Inputs that break
# something are saved in build/fuzz/findings; `build/asan/bin/fuzz_NAME FILE` replays one.
#
# usage: scripts/fuzz.sh [SECONDS [NAME...]]
#   SECONDS   time for each fuzzer (default: 60)
#   NAME      only these: options, limits, control, requests
#
# Exit code: 0 nothing was found, 1 something was found or the build failed, 2 usage error.
source "$(dirname -- "$0")/lib.sh"

parse_options "$@"
export seconds=${words[0]:-60}
[[ $seconds =~ ^[1-9][0-9]*$ ]] || usage_error "$seconds is not a number of seconds"
names=("${words[@]:1}")
((${#names[@]})) || names=(options limits control requests)
for name in "${names[@]}"; do
  [[ -d tests/fuzz/corpus/$name ]] || usage_error "there is no fuzzer $name"
done
build asan fuzzers
mkdir -p build/fuzz/findings

# libFuzzer stops at the first finding. An input of 2 KiB holds about a hundred requests.
fuzz() { # NAME
  local grown=build/fuzz/corpus/$1 log=build/fuzz/$1.log
  mkdir -p "$grown"
  if "build/asan/bin/fuzz_$1" -max_total_time="$seconds" -max_len=2048 -timeout=60 -rss_limit_mb=2048 \
    -print_final_stats=1 -artifact_prefix="build/fuzz/findings/$1-" "$grown" "tests/fuzz/corpus/$1" >"$log" 2>&1; then
    printf 'fuzz %-9s nothing found in %s runs\n' "$1" "$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")"
    return
  fi
  grep -vE '^#[0-9]+\s+(NEW|REDUCE|pulse|RELOAD)' "$log" | tail -n 60 >&2
  printf 'fuzz %-9s FOUND something, see above and build/fuzz/findings\n' "$1"
  return 1
}
export -f fuzz

# Run as many in parallel as there are cores.
# shellcheck disable=SC2016  # the inner shell's own parameter
printf '%s\0' "${names[@]}" | xargs -0 -n1 -P "$(nproc)" bash -c 'fuzz "$1"' bash || exit 1

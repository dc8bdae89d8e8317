#!/usr/bin/env bash
# Checks the format, the direction of includes, the list of locks, the use of clocks, shell and Python scripts, and
# (with clang-tidy) the C++ sources.
#
# usage: scripts/lint.sh [--fix] [--quick]
#   --fix     first let clang-format rewrite the sources
#   --quick   skip clang-tidy
set -euo pipefail
# shellcheck source=lib.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
cd -- "$root"

fix=no quick=no
for argument in "$@"; do
  case $argument in
    --fix) fix=yes ;;
    --quick) quick=yes ;;
    -h | --help) show_help ;;
    *) usage_error "unknown argument $argument" ;;
  esac
done

sources() { find fs mount tests -type f \( -name '*.h' -o -name '*.cc' \) -print0 | sort -z; }

format() {
  if [[ $fix == yes ]]; then
    sources | xargs -0 -r clang-format -i
    return
  fi
  local file status=0
  while IFS= read -r -d '' file; do
    if ! clang-format --dry-run -Werror "$file" 2>/dev/null; then
      printf '%s: clang-format would change it\n' "$file" >&2
      status=1
    fi
  done < <(sources)
  return "$status"
}

shell_scripts() {
  find scripts .ci tests mount packaging docs -type f \( -name '*.sh' -o -perm -u+x \) -print0 |
    xargs -0 -r grep -lZE -m1 '^#!.*\b(ba)?sh$' | xargs -0 -r shellcheck --external-sources --source-path=SCRIPTDIR || return
  # These are sourced, so they have no #! line.
  shellcheck --shell=bash packaging/completion/scratchfs && shellcheck --shell=sh packaging/environment/profile.sh
}

python_scripts() { # compiles in memory and leaves no __pycache__
  find scripts tests -type f -name '*.py' -print0 |
    xargs -0 -r -n1 python3 -c 'import sys; compile(open(sys.argv[1]).read(), sys.argv[1], "exec")'
}

# Prints one line per source file: its name and all of our headers that it includes, directly or indirectly.
closures() {
  # shellcheck disable=SC2016  # the fields are awk's
  find fs mount -type f \( -name '*.h' -o -name '*.cc' \) -print0 | sort -z | xargs -0 -r awk '
    FNR == 1 { if (FILENAME ~ /\.cc$/) roots[++n] = FILENAME }
    /^#include "/ { split($0, part, "\""); of[FILENAME] = of[FILENAME] " " part[2] }
    function visit(file,   names, i, count) {
      if (seen[file]++) return
      printf " %s", file
      count = split(of[file], names, " ")
      for (i = 1; i <= count; i++) visit(names[i])
    }
    END { for (r = 1; r <= n; r++) { split("", seen); visit(roots[r]); print "" } }'
}

# Runs clang-tidy. A file that was clean before, here or in another checkout, is checked again only after the file, a
# header that it includes or the set of checks has changed.
tidy() {
  local clean=${XDG_CACHE_HOME:-${HOME:-$PWD/build}/.cache}/scratchfs-lint todo=()
  cmake --preset clang >/dev/null || return
  mkdir -p "$clean"
  find "$clean" -type f -mtime +30 -delete
  local common closure key
  common=$({
    clang-tidy --version
    cat .clang-tidy
    sed "s|$PWD||g" build/clang/compile_commands.json
  } | sha256sum)
  while read -ra closure; do
    key=$({ echo "$common"; cat -- "${closure[@]}"; } | sha256sum | cut -c1-40)
    [[ -e $clean/$key ]] || todo+=("${closure[0]}" "$clean/$key")
  done < <(closures)
  ((${#todo[@]})) || return 0
  # shellcheck disable=SC2016  # the inner shell's own parameters
  printf '%s\0' "${todo[@]}" | xargs -0 -n2 -P "$(nproc)" bash -c '
    if output=$(clang-tidy --quiet -p build/clang "$1" 2>&1); then : >"$2"; else
      printf "%s\n" "$output"; exit 1; fi' bash
}

# Rejects the wall clock, which can be set forward and back, except where times are shown or stored. Deadlines use the
# steady clock.
clocks() {
  local found
  found=$(grep -rnE 'system_clock|CLOCK_REALTIME|\btime\(nullptr\)|gettimeofday' fs mount --include='*.h' --include='*.cc' |
    grep -vE '^(fs/base/clock\.h|fs/kernel/metrics/write_totals\.cc|mount/process/(log_sinks|seccomp_filter)\.cc):') || return 0
  printf '%s: the time of day, which may jump\n' "$found" >&2
  return 1
}

bad=0
echo "lint: clang-format"
format || bad=1
echo "lint: include direction"
scripts/check-includes.sh || bad=1
echo "lint: locks"
scripts/check-locks.py || bad=1
echo "lint: clocks"
clocks || bad=1
echo "lint: shellcheck"
shell_scripts || bad=1
echo "lint: python syntax"
python_scripts || bad=1
if [[ $quick == no ]]; then
  echo "lint: clang-tidy"
  tidy || bad=1
fi

if ((bad)); then
  die "there are findings, see above (scripts/lint.sh --fix mends the format)"
fi

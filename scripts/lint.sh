#!/usr/bin/env bash
# Checks the format, the direction of includes, the list of locks, the use of clocks, shell and Python scripts, and
# (with clang-tidy) the C++ sources, and compiles each folder as one file, as quickstart.sh does.
#
# usage: scripts/lint.sh [--fix] [--quick]
#   --fix     first let clang-format rewrite the sources
#   --quick   skip the unity build and clang-tidy
source "$(dirname -- "$0")/lib.sh"

fix=no quick=no
parse_options "$@"

sources() { find "$@" -type f \( -name '*.h' -o -name '*.cc' \) -print0 | sort -z; }

format() {
  if [[ $fix == yes ]]; then
    sources fs mount tests | xargs -0 clang-format -i
  else
    sources fs mount tests | xargs -0 -n 16 -P "$(nproc)" clang-format --dry-run -Werror
  fi
}

# Sourced files have no #! line, but a directive for shellcheck instead.
shell_scripts() {
  find scripts .ci tests mount packaging docs -type f \( -name '*.sh' -o -perm -u+x \) -print0 |
    xargs -0 grep -lZE -m1 '^#!.*\b(ba)?sh$|^# shellcheck shell=' | xargs -0 shellcheck &&
    shellcheck --shell=bash packaging/completion/scratchfs && shellcheck --shell=sh packaging/environment/profile.sh
}

python_scripts() { # compiles in memory and leaves no __pycache__
  find scripts tests -type f -name '*.py' -print0 |
    xargs -0 -n1 python3 -c 'import sys; compile(open(sys.argv[1]).read(), sys.argv[1], "exec")'
}

# Prints one line per source file: its name and all of our headers that it includes, directly or indirectly.
closures() {
  # shellcheck disable=SC2016  # the fields are awk's
  sources fs mount | xargs -0 awk '
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
  local clean=${XDG_CACHE_HOME:-${HOME:-$PWD/build}/.cache}/scratchfs-lint todo=() common closure key
  cmake --preset clang >/dev/null || return
  mkdir -p "$clean"
  find "$clean" -type f -mtime +30 -delete
  common=$(
    { clang-tidy --version && cat .clang-tidy && sed "s|$PWD||g" build/clang/compile_commands.json; } | sha256sum
  )
  while read -ra closure; do
    key=$({ echo "$common" && cat -- "${closure[@]}"; } | sha256sum | cut -c1-40)
    [[ -e $clean/$key ]] || todo+=("${closure[0]}" "$clean/$key")
  done < <(closures)
  ((${#todo[@]})) || return 0
  # shellcheck disable=SC2016  # the inner shell's own parameters
  printf '%s\0' "${todo[@]}" | xargs -0 -n2 -P "$(nproc)" bash -c '
    output=$(clang-tidy --quiet -p build/clang "$1" 2>&1) && : >"$2" || { printf "%s\n" "$output"; exit 1; }' bash
}

# Fails if two files of a folder define the same name in an anonymous namespace.
unity() { (build quickstart); }

# Rejects the wall clock, which can be set forward and back, except where times are shown or stored. Deadlines use the
# steady clock.
clocks() {
  ! grep -rnE 'system_clock|CLOCK_REALTIME|\btime\(nullptr\)|gettimeofday' fs mount --include='*.h' --include='*.cc' |
    grep -vE '^(fs/base/clock\.h|fs/kernel/metrics/write_totals\.cc|mount/process/(log_sinks|seccomp_filter)\.cc):' |
    sed 's/$/: the time of day, which may jump/' | grep . >&2
}

bad=0
check() { # WHAT COMMAND...
  echo "lint: $1"
  "${@:2}" || bad=1
}
check clang-format format
check "include direction" scripts/check-includes.sh
check locks scripts/check-locks.py
check clocks clocks
check shellcheck shell_scripts
check "python syntax" python_scripts
[[ $quick == yes ]] || check "unity build" unity
[[ $quick == yes ]] || check clang-tidy tidy
((bad == 0)) || die "there are findings, see above (scripts/lint.sh --fix mends the format)"

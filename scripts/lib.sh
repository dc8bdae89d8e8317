#!/usr/bin/env bash
# Shared by the scripts beside it: paths, messages, errors and help.
export LC_ALL=C.UTF-8
umask 022
exec </dev/null # no script is interactive
root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
readonly root
readonly self=scripts/${0##*/}

say() { printf '\n== %s\n' "$*"; }
note() { printf 'note: %s\n' "$*" >&2; }
die() {
  printf '%s: %s\n' "$self" "$*" >&2
  exit 1
}
usage_error() {
  printf '%s: %s\n' "$self" "$*" >&2
  exit 2
}
# Prints the comment at the top of the script.
show_help() {
  sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$root/$self"
  exit 0
}

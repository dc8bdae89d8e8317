#!/usr/bin/env bash
# Checks the direction of includes: a folder includes only from itself and from the folders below it, and only
# fs/kernel includes libfuse's headers.
set -euo pipefail
# shellcheck source=lib.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
cd -- "$root"

declare -A below=(
  [fs/base]="fs/base"
  [fs/store]="fs/store fs/base"
  [fs/limits]="fs/limits fs/base"
  [fs/content]="fs/content fs/store fs/limits fs/base"
  [fs/tree]="fs/tree fs/content fs/store fs/limits fs/base"
  [fs/kernel]="fs/kernel fs/tree fs/content fs/store fs/limits fs/base"
  [mount]="mount fs/kernel fs/tree fs/content fs/store fs/limits fs/base"
)

bad=0
complain() {
  printf '%s\n' "$*" >&2
  bad=1
}

folder_of() {
  case $1 in
    fs/*/*) cut -d/ -f1-2 <<<"$1" ;;
    */*) printf '%s\n' "${1%%/*}" ;;
    *) printf '\n' ;;
  esac
}

while IFS= read -r -d '' file; do
  folder=$(folder_of "$file")
  [[ -n ${below[$folder]:-} ]] || {
    complain "$file: lies in no known folder (scripts/check-includes.sh lists them)"
    continue
  }
  while IFS=: read -r line include; do
    name=${include#*[<\"]}
    name=${name%%[>\"]*}
    if [[ $include =~ \" ]]; then
      target=$(folder_of "$name")
      [[ " ${below[$folder]} " == *" $target "* ]] ||
        complain "$file:$line: $folder must not include \"$name\""
    elif [[ $folder != fs/kernel && $name =~ ^(fuse3/|fuse|cuse|linux/fuse\.h) ]]; then
      complain "$file:$line: only fs/kernel includes libfuse (<$name>)"
    elif [[ $name =~ ^(fs|mount)/ ]]; then
      complain "$file:$line: include <$name> with quotation marks"
    fi
  done < <(grep -nE '^[[:space:]]*#[[:space:]]*include' -- "$file" || true)
  if [[ $file == *.h ]] && ! grep -q '^#pragma once$' -- "$file"; then
    complain "$file: no #pragma once"
  fi
done < <(find fs mount -type f \( -name '*.h' -o -name '*.cc' \) -print0 | sort -z)

exit "$bad"

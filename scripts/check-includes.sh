#!/usr/bin/env bash
# Checks the direction of includes: a folder includes only from itself and from the folders below it, and only
# fs/kernel includes libfuse's headers.
set -euo pipefail
# shellcheck source=lib.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
cd -- "$root"

# What a folder may include besides its own files; order: from the bottom up.
declare -A below=()
folder() { # FOLDER [those directly below it...]
  local name=$1 under all=$1
  shift
  for under in "$@"; do all+=" ${below[$under]}"; done
  below[$name]=$all
}
folder fs/base
folder fs/mounts fs/base
folder fs/store fs/base
folder fs/quota fs/base
folder fs/lifetime fs/mounts
folder fs/content fs/store fs/quota
folder fs/tree fs/content fs/lifetime
folder fs/kernel/metrics fs/tree
folder fs/kernel/transport fs/kernel/metrics
folder fs/kernel/handlers fs/kernel/transport
folder fs/kernel fs/kernel/handlers
folder mount/process fs/kernel
folder mount/options mount/process
folder mount/control mount/options
folder mount/view mount/control
folder mount/daemon mount/control
folder mount/commands mount/daemon mount/view
folder mount mount/commands

bad=0
complain() {
  printf '%s\n' "$*" >&2
  bad=1
}

while IFS= read -r -d '' file; do
  folder=${file%/*}
  [[ -n ${below[$folder]:-} ]] || {
    complain "$file: lies in no known folder (scripts/check-includes.sh lists them)"
    continue
  }
  while IFS=: read -r line include; do
    name=${include#*[<\"]}
    name=${name%%[>\"]*}
    if [[ $include =~ \" ]]; then
      [[ " ${below[$folder]} " == *" ${name%/*} "* ]] ||
        complain "$file:$line: $folder must not include \"$name\""
    elif [[ $folder != fs/kernel* && $name =~ ^(fuse3/|fuse|cuse|linux/fuse\.h) ]]; then
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

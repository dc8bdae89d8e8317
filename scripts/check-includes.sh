#!/usr/bin/env bash
# Checks the direction of includes: a folder includes only from itself and from the folders below it, only
# fs/kernel includes libfuse's headers, and only fs/base/log.cc and the sinks spdlog's.
source "$(dirname -- "$0")/lib.sh"
parse_options "$@"

# What a folder may include: itself, and those below it; order: from the bottom up.
declare -A below=()
folder() { # FOLDER [those directly below it...]
  below[$1]=$1
  local under
  for under in "${@:2}"; do below[$1]+=" ${below[$under]}"; done
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

# Prints what is wrong with one include.
check() { # FILE LINE INCLUDE
  local folder=${1%/*} name=${3#*[<\"]}
  name=${name%%[>\"]*}
  if [[ -z ${below[$folder]:-} ]]; then
    echo "$1: lies in no known folder (scripts/check-includes.sh lists them)"
  elif [[ $3 =~ \" ]]; then
    [[ " ${below[$folder]} " == *" ${name%/*} "* ]] || echo "$1:$2: $folder must not include \"$name\""
  elif [[ $folder != fs/kernel* && $name =~ ^(fuse3/|fuse|cuse|linux/fuse\.h) ]]; then
    echo "$1:$2: only fs/kernel includes libfuse (<$name>)"
  elif [[ $name == spdlog/* && ! $1 =~ ^(fs/base/log\.cc|mount/process/log.*)$ ]]; then
    echo "$1:$2: include fs/base/log.h instead of <$name>, which is slow to compile"
  elif [[ $name =~ ^(fs|mount)/ ]]; then
    echo "$1:$2: include <$name> with quotation marks"
  fi
}

findings=$(
  while IFS=: read -r file line include; do check "$file" "$line" "$include"; done < <(
    grep -rnE --include='*.h' --include='*.cc' '^[[:space:]]*#[[:space:]]*include' fs mount | sort -V)
  grep -rL --include='*.h' '^#pragma once$' fs mount | sed 's/$/: no #pragma once/'
)
[[ -z $findings ]] || fail 1 "$findings"

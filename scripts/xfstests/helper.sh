#!/usr/bin/env bash
# Part of scripts/test-xfstests.sh. inside.sh puts the directory of the run in place of @run@ and on or off in place of
# @io_uring@. mount(8) runs it for `-t tmpfs.scratchfs`. A tmpfs' size is memory and spill together here.
set -euo pipefail
source=$1 directory=$2 list='' size=1073741824 inodes='' kept=''
shift 2
for ((; $#; )); do
  [[ $1 == -o ]] && list+=,$2 && shift
  shift
done
IFS=, read -ra words <<<"$list"
for word in "${words[@]}"; do
  case $word in
    size=*) size=$(numfmt --from=iec "$(tr kmgt KMGT <<<"${word#size=}")") ;;
    nr_inodes=*) inodes=,inodes=${word#nr_inodes=} ;;
    *) kept+=${word:+,$word} ;;
  esac
done
if [[ ,$kept, != *,remount,* ]]; then
  memory=$((size < 134217728 ? size : 134217728))
  ((memory >= 16777216)) || memory=16777216
  kept+=,memory=$memory,spill=$((size > memory ? size - memory : 0))$inodes
  kept+=,lifetime=mount,create_mode=posix,allow_other,spill_dir=@run@/spill,io_uring=@io_uring@
fi
exec @run@/mount.fuse.scratchfs "$source" "$directory" -o "${kept#,}"

#!/usr/bin/env bash
# Part of scripts/test-xfstests.sh, the first process of its namespaces: sets up what the suite wants of a machine, then
# runs one test after the other.
#
# usage: inside.sh RUN LIMIT PLACE TEST...
set -uo pipefail
run=$1 limit=$2 place=$3
shift 3
if [[ $place == io_uring ]]; then io_uring=on; else io_uring=off; fi
cp -a /usr/sbin "$run/sbin.$place" &&
  sed "s|@run@|$run|g; s|@io_uring@|$io_uring|" scripts/xfstests/helper.sh >"$run/sbin.$place/mount.tmpfs.scratchfs" &&
  chmod 0755 "$run/sbin.$place/mount.tmpfs.scratchfs" || exit 1
# The suite names files in /tmp by process id, and other places have the same ids.
mkdir -m 1777 "$run/tmp.$place" && mkdir "$run/tmp.$place/${run##*/}" || exit 1
mount --bind "$run" "$run/tmp.$place/${run##*/}" && mount --rbind "$run/tmp.$place" /tmp || exit 1
mount --bind "$run/sbin.$place" /usr/sbin || exit 1
[[ -L /sbin ]] || mount --bind "$run/sbin.$place" /sbin || exit 1
for file in passwd group; do
  sed /fsgqa/d "/etc/$file" >"$run/$file.$place"
  for user in fsgqa:30111 123456-fsgqa:30112 fsgqa2:30113; do
    if [[ $file == passwd ]]; then rest=${user#*:}::/tmp:/bin/bash; else rest=; fi
    echo "${user%:*}:*:${user#*:}:$rest" >>"$run/$file.$place"
  done
  mount --bind "$run/$file.$place" "/etc/$file" || exit 1
done
mkdir -p "$run/test" "$run/scratch"
export FSTYP=tmpfs TEST_DIR=$run/test SCRATCH_MNT=$run/scratch TEST_DEV=place_test SCRATCH_DEV=place_scratch
export RESULT_BASE=$run/results/$place HOST_OPTIONS=$run/no_such_file
export FUSE_SUBTYP='' LOAD_FACTOR=1 TIME_FACTOR=1 DIFF_LENGTH=0
[[ $place == tmpfs ]] || FUSE_SUBTYP=.scratchfs
cd "$run/suite" || exit 1
for test; do
  mkdir -p "$RESULT_BASE/generic"
  timeout --kill-after=10 "$limit" setsid --wait ./check "generic/$test" >"$RESULT_BASE/$test.said" 2>&1
  code=$?
  if ((code == 124 || code == 137)); then
    result="timeout after $limit s"
    for process in /proc/[0-9]*; do # nothing but this shell goes on
      [[ ${process#/proc/} == "$$" ]] || kill -KILL "${process#/proc/}" 2>/dev/null
    done
  elif [[ -f $RESULT_BASE/generic/$test.notrun ]]; then
    result="notrun $(head -1 "$RESULT_BASE/generic/$test.notrun")"
  elif ((code == 0)); then
    result=passed
  else
    result=failed
  fi
  echo "$test $result" >>"$run/$place.status"
  umount -l "$SCRATCH_MNT" 2>/dev/null
  umount -l "$TEST_DIR" 2>/dev/null
done
exit 0

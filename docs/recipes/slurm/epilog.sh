#!/bin/bash
# slurm.conf: Epilog=/etc/slurm/epilog.d/scratchfs.sh. Runs as root on every node after the job's processes have ended.
# Unmounts and thereby wipes. If a process still uses the mount, detaches it lazily so that the node is not blocked.
set -euo pipefail
: "${SCRATCH_ROOT:=/scratch}"
readonly place=$SCRATCH_ROOT/job$SLURM_JOB_ID
[[ -d $place ]] || exit 0
scratchfs umount "$place" || scratchfs umount --lazy "$place"
rmdir -- "$place"

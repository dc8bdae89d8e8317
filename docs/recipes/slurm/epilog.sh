#!/bin/bash
# slurm.conf: Epilog=/etc/slurm/epilog.d/scratchfs.sh. Runs as root on every node when the job's processes have ended.
# Unmounts, that is: wipes. A process that is left nevertheless does not keep the node: the mount goes out of its sight.
set -euo pipefail
: "${SCRATCH_ROOT:=/scratch}"
readonly place=$SCRATCH_ROOT/job$SLURM_JOB_ID
[[ -d $place ]] || exit 0
scratchfs umount "$place" || scratchfs umount --lazy "$place"
rmdir -- "$place"

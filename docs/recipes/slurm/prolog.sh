#!/bin/bash
# slurm.conf: Prolog=/etc/slurm/prolog.d/scratchfs.sh, PrologFlags=Alloc. Runs as root on every node of a job, before it.
# Mounts a scratchfs for the job alone. --tmp=SIZE of sbatch is its quota; without it DEFAULT_QUOTA is.
set -euo pipefail
readonly DEFAULT_QUOTA=20G
: "${SCRATCH_ROOT:=/scratch}"
readonly place=$SCRATCH_ROOT/job$SLURM_JOB_ID

# Megabytes, or with a letter behind.
asked_for() {
  scontrol show job -o "$SLURM_JOB_ID" | sed -n 's/.* MinTmpDiskNode=\([0-9.]*[KMGT]\{0,1\}\).*/\1/p'
}

quota=$(asked_for)
case $quota in
  '' | 0) quota=$DEFAULT_QUOTA ;;
  *[0-9]) quota+=M ;;
esac
mkdir -p -- "$place"
# The job is what holds the files: they stay until it ends, whichever of its steps made them.
scratchfs "job$SLURM_JOB_ID" "$place" -o "lifetime=mount,quota=$quota,memory=10%"
chown -- "$SLURM_JOB_UID" "$place"
chmod 0700 -- "$place"

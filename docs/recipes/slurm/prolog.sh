#!/bin/bash
# slurm.conf: Prolog=/etc/slurm/prolog.d/scratchfs.sh, PrologFlags=Alloc. Runs as root on each node before the
# job. Mounts a scratchfs for this job. Its quota is --tmp=SIZE of sbatch, or DEFAULT_QUOTA without that.
set -euo pipefail
readonly DEFAULT_QUOTA=20G
: "${SCRATCH_ROOT:=/scratch}"
readonly place=$SCRATCH_ROOT/job$SLURM_JOB_ID

# Prints the job's --tmp: a number of megabytes, or a number with a unit letter.
asked_for() {
  scontrol show job -o "$SLURM_JOB_ID" | sed -n 's/.* MinTmpDiskNode=\([0-9.]*[KMGT]\{0,1\}\).*/\1/p'
}

quota=$(asked_for)
case $quota in
  '' | 0) quota=$DEFAULT_QUOTA ;;
  *[0-9]) quota+=M ;;
esac
mkdir -p -- "$place"
# lifetime=mount: files stay until the job ends, whichever of its steps created them.
scratchfs "job$SLURM_JOB_ID" "$place" -o "lifetime=mount,quota=$quota,memory=10%"
chown -- "$SLURM_JOB_UID" "$place"
chmod 0700 -- "$place"

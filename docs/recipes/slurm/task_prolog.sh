#!/bin/sh
# slurm.conf: TaskProlog=/etc/slurm/task_prolog.sh. Slurm adds what it prints to the environment of each task.
echo "export TMPDIR=${SCRATCH_ROOT:-/scratch}/job$SLURM_JOB_ID"

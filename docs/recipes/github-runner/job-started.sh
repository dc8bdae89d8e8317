#!/bin/bash
# A file system for each job of a self-hosted runner. In the runner's file .env, which its service reads at its start:
#   ACTIONS_RUNNER_HOOK_JOB_STARTED=/etc/scratchfs/job-started.sh
#   ACTIONS_RUNNER_HOOK_JOB_COMPLETED=/etc/scratchfs/job-completed.sh
# Runs as the runner's user, who needs no more than fusermount3.
set -euo pipefail
readonly place=$HOME/scratch
mkdir -p -- "$place"
# What a job left whose runner was killed:
scratchfs umount --lazy "$place" 2>/dev/null || true
# The steps of a job are sessions of the runner's, which outlives them: so the job holds the files.
scratchfs "$place" -o lifetime=mount,memory=10%,noallow_other
echo "TMPDIR=$place" >>"$GITHUB_ENV"

#!/bin/bash
# Gives each job of a self-hosted runner a mount of its own. Add to the runner's .env file, which its service reads when
# it starts:
#   ACTIONS_RUNNER_HOOK_JOB_STARTED=/etc/scratchfs/job-started.sh
#   ACTIONS_RUNNER_HOOK_JOB_COMPLETED=/etc/scratchfs/job-completed.sh
# Runs as the runner's user and needs only fusermount3.
set -euo pipefail
readonly place=$HOME/scratch
mkdir -p -- "$place"
# Remove the mount of a job whose runner was killed.
scratchfs umount --lazy "$place" 2>/dev/null || true
# lifetime=mount: the steps of a job run in different sessions, and later steps need the files of earlier ones.
scratchfs "$place" -o lifetime=mount,memory=10%,noallow_other
echo "TMPDIR=$place" >>"$GITHUB_ENV"

#!/bin/bash
# The counterpart of job-started.sh. Wipes the mount even if the job left processes behind.
set -euo pipefail
scratchfs umount --lazy "$HOME/scratch"

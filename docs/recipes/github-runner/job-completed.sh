#!/bin/bash
# See job-started.sh. Wipes, also where the job left processes.
set -euo pipefail
scratchfs umount --lazy "$HOME/scratch"

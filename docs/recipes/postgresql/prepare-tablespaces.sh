#!/bin/bash
# Creates the directories of PostgreSQL's temporary tablespaces on a freshly mounted scratchfs and marks them as kept.
# Run it from ExecStartPre of the server's unit, as the server's user: prepare-tablespaces.sh DATA_DIRECTORY
set -euo pipefail
readonly data=$1
version=$(<"$data/PG_VERSION")
catalog=$(env LC_ALL=C "/usr/lib/postgresql/$version/bin/pg_controldata" "$data" |
  sed -n 's/^Catalog version number: *//p')
for link in "$data"/pg_tblspc/*; do
  [[ -L $link ]] || continue
  place=$(readlink -- "$link")
  [[ $(findmnt -n -o FSTYPE -T "$(dirname -- "$place")") == fuse.scratchfs ]] || continue
  mkdir -p -- "$place/PG_${version}_$catalog"
  scratchfs keep "$place"
done

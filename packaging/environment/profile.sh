# Temporary files of all login shells go to /scratch, if a scratchfs is mounted there. As root:
#   cp profile.sh /etc/profile.d/scratchfs.sh
# A TMPDIR that is set already stays; who does not want this makes an empty file ~/.no-scratch.
if [ -z "${TMPDIR:-}" ] && [ ! -e "${HOME:-/}/.no-scratch" ] &&
  grep -qs '^[^ ]* /scratch fuse\.scratchfs ' /proc/self/mounts && [ -w /scratch ]; then
  export TMPDIR=/scratch
fi

# shellcheck shell=bash
# Part of the scripts beside it, after lib.sh: packages of other suites of Debian than the machine's. The system's own
# sources, lists and caches are neither read nor written.

readonly keyring=/usr/share/keyrings/debian-archive-keyring.gpg

# Debian's mirrors that may be asked, one a line.
mirrors() {
  if [[ -n ${SCRATCHFS_DEB_MIRROR:-} ]]; then
    printf '%s\n' "$SCRATCHFS_DEB_MIRROR"
    return
  fi
  {
    # shellcheck disable=SC2016  # the $(...) are apt's own fields
    apt-get indextargets --format '$(ORIGIN)|$(LABEL)|$(REPO_URI)' 'Created-By: Packages' 2>/dev/null |
      sed -n 's/^Debian|Debian|//p' || true
    # A mirror may be a snapshot from before the version that is needed.
    echo http://deb.debian.org/debian/
  } | awk '!seen[$0]++'
}

# Empties DIR, and gets the lists of SUITE there; TYPE is deb or deb-src. Further arguments are for apt. Sets
# apt_options to what later calls of apt take; they may download to DIR/files. apt checks the signature of the lists,
# and through them the packages. DIR must be where apt's own user can reach it, and have no spaces in its path.
get_lists() { # DIR TYPE MIRROR SUITE [OPTION...]
  local dir=$1
  apt_options=(
    -o "Dir::Etc::sourcelist=$dir/sources.list" -o Dir::Etc::sourceparts=-
    -o "Dir::State::lists=$dir/lists" -o "Dir::Cache=$dir/cache"
    -o Acquire::Languages=none -o Acquire::AllowInsecureRepositories=false
    -o Acquire::AllowDowngradeToInsecureRepositories=false -o APT::Get::AllowUnauthenticated=false
    -o Acquire::Retries=3 "${@:5}"
  )
  rm -rf -- "${dir:?}"/*
  mkdir -p -- "$dir/lists/partial" "$dir/cache/archives/partial" "$dir/files"
  if [[ $(id -u) -eq 0 ]] && id _apt >/dev/null 2>&1; then
    chown -- _apt "$dir/files" "$dir/lists/partial" # apt downloads as that user
  fi
  printf '%s [signed-by=%s] %s %s main\n' "$2" "$keyring" "$3" "$4" >"$dir/sources.list"
  apt-get -qq "${apt_options[@]}" update
}

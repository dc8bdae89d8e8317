# shellcheck shell=bash
# Part of the scripts beside it, after lib.sh: packages of other suites of Debian than the machine's. The system's own
# sources, lists and caches are neither read nor written.

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

# For each mirror, gets the lists of SUITE and runs COMMAND, until it succeeds. COMMAND gives $apt_options to apt, and
# may download to $apt_dir/files. TYPE is deb or deb-src. apt checks the signature of the lists, and through them the
# packages. The lists may be past their date, as a stale mirror's are: COMMAND judges what is new enough.
from_mirrors() { # TYPE SUITE COMMAND...
  local keyring=/usr/share/keyrings/debian-archive-keyring.gpg mirror
  [[ -r $keyring ]] || die "$keyring not found: install debian-archive-keyring"
  # Not below the checkout: apt needs a path without spaces that its own user can reach.
  [[ -n $run ]] || make_run_dir apt
  apt_dir=$run/apt
  apt_options=(
    -o "Dir::Etc::sourcelist=$apt_dir/sources.list" -o Dir::Etc::sourceparts=-
    -o "Dir::State::lists=$apt_dir/lists" -o "Dir::Cache=$apt_dir/cache"
    -o Acquire::Languages=none -o Acquire::AllowInsecureRepositories=false -o Acquire::Check-Valid-Until=false
    -o Acquire::AllowDowngradeToInsecureRepositories=false -o APT::Get::AllowUnauthenticated=false
    -o Acquire::Retries=3
  )
  while read -r mirror; do
    rm -rf -- "$apt_dir"
    mkdir -p -- "$apt_dir"/{lists/partial,cache/archives/partial,files}
    if ((EUID == 0)) && id _apt >/dev/null 2>&1; then
      chown -- _apt "$apt_dir/files" "$apt_dir/lists/partial" # apt downloads as that user
    fi
    printf '%s [signed-by=%s] %s %s main\n' "$1" "$keyring" "$mirror" "$2" >"$apt_dir/sources.list"
    if apt-get -qq "${apt_options[@]}" update && "${@:3}"; then return 0; fi
    note "$mirror does not have what is needed of $2"
  done < <(mirrors)
  return 1
}

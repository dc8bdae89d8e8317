# shellcheck shell=bash
# Part of the scripts that run a public test suite on tmpfs and on scratchfs, after lib.sh.
# shellcheck disable=SC2154  # lib.sh and the scripts set the variables

# Takes SUITE_DIR and --transports from the parsed options and prepares a run: sets suite, tests (what follows
# SUITE_DIR), places (the transports), scratchfs and run. A checkout of the suite has DIRECTORY.
open_suite() { # NAME DIRECTORY
  local place
  IFS=, read -ra places <<<"$transports"
  for place in "${places[@]}"; do
    [[ $place == dev_fuse || $place == io_uring ]] || usage_error "unknown transport $place"
  done
  ((${#words[@]})) || usage_error "SUITE_DIR is missing"
  suite=$(given_path "${words[0]}")
  # shellcheck disable=SC2034  # for the script
  tests=("${words[@]:1}")
  [[ -d $suite/$2 ]] || usage_error "${words[0]} is not a checkout of $1"
  need_root "the suite mounts and becomes many users"
  find_program
  make_run_dir "$1"
  [[ " ${places[*]} " != *" io_uring "* ]] || enable_uring
}

# Copies the suite to $run/suite, which becomes $suite, and builds it there.
copy_suite() { # HINT COMMAND...
  cp -r -- "$suite" "$run/suite"
  suite=$run/suite
  (cd -- "$suite" && "${@:2}") >"$run/build.log" 2>&1 || {
    tail -n 20 -- "$run/build.log" >&2
    die "the suite cannot be built, see above; $1"
  }
}

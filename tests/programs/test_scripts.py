#!/usr/bin/env python3
"""Shell scripts: mktemp and what they do with it, here-documents, FIFOs, locks, sed -i."""
from scratch import aside, main, on_both, shell


@on_both
def a_name_from_mktemp_serves_later_commands(tmp):
    """`f=$(mktemp)`, used by later commands"""
    return shell('f=$(mktemp); echo one > "$f"; echo two >> "$f"; sort -r "$f"; wc -l < "$f"; rm "$f"; '
                 '[ ! -e "$f" ] && echo gone')


@on_both
def names_derived_from_it_do_too(tmp):
    """`t=$(mktemp); cmd > $t.out`"""
    return shell('t=$(mktemp); echo 1 > "$t.out"; echo 2 > "$t.err"; cat "$t.out" "$t.err"; ls "$TMPDIR" | wc -l')


@on_both
def a_directory_with_a_trap(tmp):
    """`mktemp -d` with a trap that removes it"""
    return shell('bash -euc \'d=$(mktemp -d); trap "rm -rf $d" EXIT; mkdir "$d/sub"; echo x > "$d/sub/f"; '
                 'find "$d" | wc -l; cat "$d/sub/f"\'; ls -A "$TMPDIR"')


@on_both
def a_trap_that_a_signal_sets_off(tmp):
    return shell('bash -euc \'d=$(mktemp -d); trap "rm -rf $d" EXIT; trap "exit 5" TERM; echo x > "$d/f"; '
                 'kill -TERM $$; :\' || echo $?; ls -A "$TMPDIR"')


@on_both
def here_documents_and_process_substitution(tmp):
    """here-documents and `<(process substitution)` of bash"""
    return shell('cat <<END\nhere $((1+1))\nEND\ndiff <(echo a; echo b) <(echo a; echo b) && echo same; '
                 'cat <<< "$(head -c 100000 /dev/zero | tr "\\0" x)" | wc -c; '
                 'cat <(cat < <(echo nested))')


@on_both
def here_documents_of_dash(tmp):
    return shell("dash -euc 'cat <<END\nhere $((1+1))\nEND\n'")


@on_both
def a_fifo_between_two_programs(tmp):
    """`mkfifo` pipelines"""
    return shell('p=$(mktemp -u); mkfifo "$p"; (echo through > "$p") & cat "$p"; wait; rm "$p"')


@on_both
def fifos_that_split_and_join_a_stream(tmp):
    return shell('cd "$(mktemp -d)"; mkfifo odd even; '
                 'seq 20000 | tee >(sed -n "p;n" > odd) >(sed -n "n;p" > even) > /dev/null & '
                 'paste odd even | sha256sum; wait')


@on_both
def sed_in_place(tmp):
    """`sed -i` from a session of its own"""
    return shell('f=$(mktemp); echo before > "$f"; setsid -w sed -i s/before/after/ "$f"; sleep 0.3; cat "$f"')


@on_both
def flock_of_a_file(tmp):
    """`flock(1)`, one holder"""
    return shell('f=$(mktemp); flock "$f" -c "echo held"; exec 9>"$f"; flock 9; flock -n "$f" -c "echo twice" '
                 '|| echo refused')


@on_both
def a_counter_behind_a_lock(tmp):
    """`flock(1)`, four processes and a counter"""
    (aside() / "count").write_text(
        'for i in $(seq 25); do (flock 9; n=$(cat "$1"); echo $((n + 1)) > "$1") 9> "$1.lock"; done\n')
    return shell('cd "$(mktemp -d)"; echo 0 > n; for p in 1 2 3 4; do bash -eu "$ASIDE/count" n & done; wait; cat n')


@on_both
def a_job_control_shell(tmp):
    return shell('set -m; f=$(mktemp); (echo one; echo two) > "$f" & wait; (cat "$f" | rev) & wait; rm "$f"')


if __name__ == "__main__":
    main()

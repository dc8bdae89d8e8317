#!/usr/bin/env python3
"""Shell scripts: mktemp and what they do with it, here-documents, FIFOs, sed -i, sort."""
import hashlib

from scratch import main, on_both, shell


@on_both
def a_name_from_mktemp_serves_later_commands(tmp):
    return shell('f=$(mktemp); echo one > "$f"; echo two >> "$f"; sort -r "$f"; wc -l < "$f"; rm "$f"; '
                 '[ ! -e "$f" ] && echo gone')


@on_both
def names_derived_from_it_do_too(tmp):
    return shell('t=$(mktemp); echo 1 > "$t.out"; echo 2 > "$t.err"; cat "$t.out" "$t.err"; ls "$TMPDIR" | wc -l')


@on_both
def a_directory_with_a_trap(tmp):
    return shell('d=$(mktemp -d); trap \'rm -rf "$d"\' EXIT; mkdir "$d/sub"; echo x > "$d/sub/f"; '
                 'find "$d" | wc -l; cat "$d/sub/f"')


@on_both
def here_documents_and_process_substitution(tmp):
    return shell('cat <<END\nhere $((1+1))\nEND\ndiff <(echo a; echo b) <(echo a; echo b) && echo same; '
                 'cat <<< "$(head -c 100000 /dev/zero | tr "\\0" x)" | wc -c')


@on_both
def a_fifo_between_two_programs(tmp):
    return shell('p=$(mktemp -u); mkfifo "$p"; (echo through > "$p") & cat "$p"; wait; rm "$p"')


@on_both
def sed_in_place(tmp):
    return shell('f=$(mktemp); echo before > "$f"; setsid -w sed -i s/before/after/ "$f"; sleep 0.3; cat "$f"')


@on_both
def flock_of_a_file(tmp):
    return shell('f=$(mktemp); flock "$f" -c "echo held"; exec 9>"$f"; flock 9; flock -n "$f" -c "echo twice" '
                 '|| echo refused')


@on_both
def an_external_sort(tmp):
    shell('seq 1 3900000 | awk \'{print ($1 * 7919) % 4000037}\' > "$TMPDIR.input"')  # 30 MB
    try:
        sorted_text = shell('sort -n -S 4M "$TMPDIR.input"')
    finally:
        shell('rm -f "$TMPDIR.input"')
    return [hashlib.sha256(sorted_text.encode()).hexdigest(), len(sorted_text)]


@on_both
def a_parallel_sort_with_small_merges(tmp):
    return shell('seq 200000 -1 1 | sort -n -S 1M --parallel=2 --batch-size=4 | sha256sum')


if __name__ == "__main__":
    main()

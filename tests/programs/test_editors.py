#!/usr/bin/env python3
"""vim: swap files, backups, filters through temporary files, recovery."""
import shutil
import signal
import subprocess

from scratch import aside, eventually, main, on_both, run

VIM = shutil.which("vim.tiny") or "vim"


def vim(file, *commands, options=()):
    steps = [part for command in commands for part in ("-c", command)]
    return run(VIM, "-u", "NONE", "-N", "-n", *options, "-es", *steps, file)


@on_both(needs=(VIM,))
def backups(tmp):
    """`vim` with `backup`, files and backups on the mount"""
    directory = run("mktemp", "-d").strip()
    text = f"{directory}/text"
    with open(text, "w") as file:
        file.write("one\ntwo\n")
    vim(text, f"set backup writebackup backupskip= backupcopy=no backupdir={directory}", "%s/two/three/", "w", "q")
    vim(text, f"set backup writebackup backupskip= backupcopy=yes backupdir={directory}", "%s/one/zero/", "w", "q")
    return [run("cat", text), run("cat", text + "~"), run("ls", "-A", directory)]


@on_both(needs=(VIM,))
def filters(tmp):
    """`vim`: `:%!sort`, through temporary files"""
    text = aside() / "text"
    text.write_text("".join(f"{number * 7919 % 1009}\n" for number in range(1000)))
    vim(str(text), "%!sort -n", "2r !echo inserted", "w", "q")
    return text.read_text()


@on_both(needs=(VIM,))
def recovery_after_a_crash(tmp):
    """`vim -r` from a swap file on the mount, after `vim` was killed"""
    text = aside() / "text"
    text.write_text("as it was\n")
    editor = subprocess.Popen([VIM, "-u", "NONE", "-N", "-es", "--cmd", f"set directory={tmp}", str(text)],
                              stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, text=True)
    editor.stdin.write("append\nnever written\n.\npreserve\n!touch $ASIDE/reached\n")
    editor.stdin.flush()
    eventually((aside() / "reached").exists)
    editor.send_signal(signal.SIGKILL)
    editor.wait()
    swap_files = run("ls", "-A", str(tmp))
    run(VIM, "-u", "NONE", "-N", "-es", "--cmd", f"set directory={tmp}", "-r", str(text), "-c", "w! $ASIDE/recovered",
        "-c", "q!")
    return [swap_files, (aside() / "recovered").read_text()]


if __name__ == "__main__":
    main()

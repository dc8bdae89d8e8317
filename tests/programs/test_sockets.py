#!/usr/bin/env python3
"""Programs that keep sockets in TMPDIR, and daemons that outlive who has started them: tmux, ssh-agent, gpg-agent."""
import os
import subprocess

from scratch import aside, eventually, main, on_both, run, shell


def tmux(tmp, *command):
    return run("tmux", "-f", "/dev/null", *command, env={**os.environ, "TMUX_TMPDIR": str(tmp), "SHELL": "/bin/sh"})


@on_both(needs=("tmux",), left="nothing")  # tmux leaves its socket; where its session ends, that goes
def a_terminal_multiplexer(tmp):
    """`tmux`, its socket in TMPDIR, used from another session"""
    # In a session of its own that is over at once: the server goes on in another.
    run("setsid", "-w", "tmux", "-f", "/dev/null", "new-session", "-d", "-s", "s", "sh",
        env={**os.environ, "TMUX_TMPDIR": str(tmp)})
    socket = tmux(tmp, "display-message", "-p", "#{socket_path}").strip()
    tmux(tmp, "send-keys", "-t", "s", f"echo done > {aside()}/told.new && mv {aside()}/told.new {aside()}/told", "Enter")
    eventually((aside() / "told").exists)
    listed = tmux(tmp, "list-sessions", "-F", "#{session_name} #{session_windows}")
    tmux(tmp, "kill-server")
    eventually(lambda: subprocess.run(["tmux", "-S", socket, "ls"], capture_output=True).returncode != 0)
    return [listed, (aside() / "told").read_text(), socket.startswith(str(tmp))]


@on_both(needs=("ssh-agent", "ssh-keygen"))
def an_agent_for_keys(tmp):
    """`ssh-agent`, its socket on the mount"""
    # It is set-gid, so that the C library hides TMPDIR from it: the socket has to be named.
    return shell('eval "$(ssh-agent -s -a "$TMPDIR/agent")" >/dev/null; ssh-keygen -q -t ed25519 -N "" -C key -f "$ASIDE/key"; '
                 'ssh-add -q "$ASIDE/key"; ssh-add -L | cut -d " " -f 1,3; ls -A "$TMPDIR"; ssh-agent -k >/dev/null; '
                 'while [ -S "$TMPDIR/agent" ]; do sleep 0.01; done; ls -A "$TMPDIR"')


@on_both(needs=("ssh-agent",))
def keys_on_the_mount(tmp):
    """`ssh-keygen`, keys on the mount"""
    return shell('d=$(mktemp -d); ssh-keygen -q -t ed25519 -N "" -C key -f "$d/key"; ssh-keygen -q -a 1 -p -P "" -N "word word" '
                 '-f "$d/key"; ssh-keygen -y -P "word word" -f "$d/key" | cut -d " " -f 1; ls "$d"; echo text > "$d/text"; '
                 'ssh-keygen -q -p -P "word word" -N "" -f "$d/key"; ssh-keygen -q -Y sign -f "$d/key" -n file "$d/text" '
                 '2>/dev/null; echo "me $(cat "$d/key.pub")" > "$d/who"; '
                 'ssh-keygen -q -Y verify -f "$d/who" -I me -n file -s "$d/text.sig" < "$d/text" && echo verified')


@on_both(needs=("gpg", "gpgconf"), left="kinds")
def gnupg(tmp):
    """`gpg` with its home directory, agent sockets and all, on the mount"""
    return shell('export GNUPGHOME=$(mktemp -d); trap "gpgconf --kill all" EXIT; '
                 'gpg -q --batch --pinentry-mode loopback --passphrase "" --quick-gen-key me@example.org ed25519 sign 0; '
                 'cd "$(mktemp -d)"; seq 1000 > text; gpg -q --batch --armor --sign text; '
                 'gpg -q --batch --verify text.asc 2>&1 | grep -c "Good signature"; '
                 'gpg -q --batch --pinentry-mode loopback --passphrase word --s2k-count 65536 --symmetric text; '
                 'gpg -q --batch --pinentry-mode loopback --passphrase word -d text.gpg | sha256sum; '
                 'gpgconf --kill all; while [ -S "$GNUPGHOME/S.gpg-agent" ]; do sleep 0.01; done; ls; ls "$GNUPGHOME"')


@on_both
def sockets_of_many_kinds(tmp):
    code = ("import os, socket, socketserver, threading, sys\n"
            "path = os.path.join(os.environ['TMPDIR'], 'echo.sock')\n"
            "class Echo(socketserver.StreamRequestHandler):\n"
            "    def handle(self): self.wfile.write(self.rfile.readline().upper())\n"
            "with socketserver.UnixStreamServer(path, Echo) as server:\n"
            "    threading.Thread(target=server.serve_forever, daemon=True).start()\n"
            "    with socket.socket(socket.AF_UNIX) as client:\n"
            "        client.connect(path); client.sendall(b'hello\\n'); print(client.recv(100).decode().strip())\n"
            "    server.shutdown()\n"
            "d = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); d.bind(path + '.d')\n"
            "s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); s.sendto(b'datagram', path + '.d')\n"
            "print(d.recv(100).decode(), sorted(os.listdir(os.environ['TMPDIR'])))\n")
    return run("python3", "-c", code)


if __name__ == "__main__":
    main()

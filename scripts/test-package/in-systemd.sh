#!/bin/bash
# scripts/test-package.sh runs this in a booted systemd with the package installed. It tests scratchfs@.service and the
# other ways to mount through systemd. Prints `ok: ...` or `not so: ...` per check, and `END` last.
exec 2>&1
readonly unit=scratchfs@scratch.service

expect() { # WHAT COMMAND...
  local what=$1
  shift
  if "$@" >/tmp/said 2>&1; then
    echo "ok: $what"
  else
    echo "not so: $what"
    cat /tmp/said
    journalctl --no-pager -u "$unit" -n 20
  fi
}
eventually() {
  local round
  for ((round = 0; round < 150; ++round)); do
    "$@" && return
    sleep 0.2
  done
  return 1
}
not() { ! "$@"; }
main_pid() { systemctl show -P MainPID "$unit"; }
mounted() { [[ $(grep -c ' /scratch fuse.scratchfs ' /proc/self/mounts) == 1 ]]; }
empty() { [[ -z $(ls -A /scratch) ]]; }
started_again() { [[ $(main_pid) != "$old" && $(main_pid) != 0 ]] && systemctl is-active -q "$unit" && mounted; }
# What the unit sets: no_new_privs, a filter, and no capabilities beyond CapabilityBoundingSet.
hardened() {
  local status
  status=/proc/$(main_pid)/status
  grep -qx 'NoNewPrivs:.1' "$status" && grep -qx 'Seccomp:.2' "$status" &&
    (((0x$(sed -n 's/^CapBnd:.//p' "$status") & ~0x1284006) == 0))
}
# What the daemon drops by itself: only CAP_SYS_ADMIN and CAP_DAC_READ_SEARCH remain, and its own filter is active.
confined() {
  grep -qx 'CapEff:.0000000000200004' "/proc/$(main_pid)/status" &&
    ! journalctl --no-pager -u "$unit" | grep -F "not filtered"
}
keep_something() { mkdir /scratch/was && scratchfs keep /scratch/was; }
in_new_session() { setsid -w setpriv --reuid=65534 --regid=65534 --clear-groups "$@"; }

expect_started_again() { # WHAT
  expect "$1: the service is started again" eventually started_again
  expect "$1: nothing is left of the files" not test -e /scratch/was
}

mkdir -p /etc/scratchfs "/etc/systemd/system/scratchfs@.service.d"
echo 'OPTIONS=memory=64M,quota=10M' >/etc/scratchfs/scratch.conf
expect "the service starts" systemctl start "$unit"
expect "everybody sees the mount" mounted
expect "it may no more than the unit says" hardened
expect "and keeps no more than it needs" confined
# shellcheck disable=SC2016  # for the inner shell
expect "users have what OPTIONS says" in_new_session sh -c 'f=$(mktemp -p /scratch) && echo x >"$f" && df --output=size -BM /scratch | grep -w 10M'
expect "what a session claims goes with it" eventually empty
# shellcheck disable=SC2016  # for the inner shell
expect "more than the memory is spilled, hardened as it is" sh -c 'exec 3<>/scratch/big; head -c 200M /dev/zero | tr "\0" x >&3; cmp -n 209715200 /scratch/big /scratch/big'

echo '* 20M' >/etc/scratchfs/quotas
echo 'OPTIONS=memory=64M,quota_file=/etc/scratchfs/quotas' >/etc/scratchfs/scratch.conf
expect "it starts with a file of limits" systemctl restart "$unit"
echo '* 30M' >/etc/scratchfs/quotas
old=$(main_pid)
expect "it is reloaded" systemctl reload "$unit"
expect "the new limits hold" eventually in_new_session sh -c 'df --output=size -BM /scratch | grep -w 30M'
expect "on the same mount" test "$(main_pid)" = "$old"

keep_something
old=$(main_pid)
kill -KILL "$old"
expect_started_again "the daemon is killed"

keep_something
old=$(main_pid)
systemctl kill -s KILL "$unit"
expect_started_again "daemon and guardian are killed"

printf '[Service]\nWatchdogSec=3s\nTimeoutAbortSec=2s\n' >"/etc/systemd/system/scratchfs@.service.d/watchdog.conf"
systemctl daemon-reload
systemctl restart "$unit"
keep_something
old=$(main_pid)
sleep 7
expect "a daemon that answers is left alone by the watchdog" test "$(main_pid)" = "$old"
kill -STOP "$old"
expect_started_again "the daemon hangs"

old=$(main_pid)
expect "the package is upgraded" dpkg -i /root/scratchfs_99*.deb
expect "an upgrade restarts nothing" test "$(main_pid)" = "$old"

exec 5<>/scratch/busy
expect "it stops while files are open" systemctl stop "$unit"
exec 5>&-
expect "stopped is unmounted" not mounted

scratchfs /scratch -o memory=16M
expect "a mount made by hand is in its way" not systemctl start "$unit"
systemctl stop "$unit"
expect "and is left alone" scratchfs status /scratch
scratchfs umount /scratch
systemctl reset-failed

expect "it starts again" systemctl start "$unit"
cp -r /root/demo.service.d /etc/systemd/system/
cat >/etc/systemd/system/demo.service <<'UNIT'
[Service]
Type=oneshot
User=nobody
PrivateTmp=yes
ExecStart=/bin/sh -c 'f=$$(mktemp) && test -e /scratch/$${f##*/} && test -e /var/tmp/$${f##*/}'
UNIT
systemctl daemon-reload
expect "the drop-in makes /scratch a service's /tmp" systemctl start demo.service
expect "what the service claimed is gone" eventually empty

mkdir -p /srv/scratch
echo 'scratchfs /srv/scratch fuse.scratchfs memory=16M,nofail 0 0' >>/etc/fstab
systemctl daemon-reload
expect "the mount unit of fstab starts" systemctl start srv-scratch.mount
expect "and mounts" findmnt -n -t fuse.scratchfs --mountpoint /srv/scratch
expect "and stops" systemctl stop srv-scratch.mount

expect "the package is removed" dpkg -r scratchfs
expect "and the service has been stopped" not mounted
echo END
systemctl poweroff

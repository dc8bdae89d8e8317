#!/bin/bash
# The guest's init once its root is there: sets up what a machine has, runs tests/kernels/run.py with the arguments
# `lab.set=` of the kernel's command line, and turns the machine off. What run.py prints goes to the second serial
# port; the first one is the console.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8
mkdir -p /dev/pts /dev/shm /run /tmp
mount -t devpts -o mode=620,gid=5,ptmxmode=666 devpts /dev/pts
mount -t tmpfs -o mode=1777 tmpfs /dev/shm
mount -t tmpfs -o mode=755 tmpfs /run
mount -t cgroup2 cgroup2 /sys/fs/cgroup
ln -sfn /proc/self/fd /dev/fd
chmod 1777 /tmp
ip link set lo up 2>/dev/null
hostname lab
ulimit -Hn 524288 # as systemd has it
modprobe fuse 2>/dev/null # built in, in some
modprobe loop
chmod 0666 /dev/fuse
echo /lab/lib >/etc/ld.so.conf.d/zz-lab.conf # last: what the root lacks
ldconfig
stty -F /dev/ttyS1 raw

read -ra words </proc/cmdline
set=full
for word in "${words[@]}"; do
  [[ $word != lab.set=* ]] || set=${word#*=}
done
cd /lab || exit
echo "lab: running $set after $(cut -d' ' -f1 /proc/uptime) s"
# An emulated processor takes some ten times as long, but the harness's bounds are generous.
SCRATCHFS_SLOWNESS=5 python3 kernels/run.py "$set" >/dev/ttyS1 &
wait $!
echo "lab: run.py ended with $? after $(cut -d' ' -f1 /proc/uptime) s"
sync
echo o >/proc/sysrq-trigger
sleep 60

#!/bin/sh
# init of a user-mode-linux that tests/faults/test_nfs_in_uml.py boots on the host's root, read-only: a real NFS server, a real
# hard mount of it, and the product on that mount while the server is stopped and started again. Lines `STEP name value` are read.
WORK=@WORK@
PYTHON=@PYTHON@
REPOSITORY=@REPOSITORY@
TOOLS=$WORK/root
SYSTEM=/usr/sbin:/usr/bin:/sbin:/bin
tool() { PATH=$TOOLS/usr/sbin:$TOOLS/sbin:$SYSTEM LD_LIBRARY_PATH=$TOOLS/usr/lib/x86_64-linux-gnu:$TOOLS/lib/x86_64-linux-gnu "$@"; }
export PATH=$SYSTEM
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev 2>/dev/null
mkdir -p /dev/shm; mount -t tmpfs t /dev/shm; mount -t tmpfs t /run; mount -t tmpfs t /mnt; mount -t tmpfs t /var/lib
mkdir -p /var/lib/nfs/rpc_pipefs /var/lib/nfs/v4recovery /mnt/exported /mnt/nfs /mnt/tmp
touch /var/lib/nfs/etab /var/lib/nfs/rmtab
for module in nfsd nfsv4 loop; do tool "$TOOLS/sbin/modprobe" -d "$WORK/modules" $module; done
ip link set lo up
mount -t nfsd nfsd /proc/fs/nfsd
truncate -s 64M /mnt/image; mkfs.ext4 -q -F /mnt/image; mount -o loop /mnt/image /mnt/exported; cp "$WORK"/photos/* /mnt/exported/
tool rpc.mountd -N 3 -N 2 -F >/run/mountd.log 2>&1 &
tool exportfs -o rw,no_root_squash,fsid=0,insecure 127.0.0.1:/mnt/exported
serve() { tool rpc.nfsd -G 10 -L 10 -N 3 -U -T --tcp 2; }  # the shortest grace: a new server answers no open before it ends
serve; sleep 1
tool timeout 30 mount -t nfs4 -o vers=4.2,proto=tcp,addr=127.0.0.1,clientaddr=127.0.0.1,hard,timeo=20 127.0.0.1:/ /mnt/nfs
echo "STEP mount $?"
cd "$REPOSITORY" || exit
export TMPDIR=/mnt/tmp HOME=/mnt PYTHONDONTWRITEBYTECODE=1
glassine() { "$PYTHON" -P -m daemon.cli.main --library /mnt/library "$@"; }
state() { glassine volume list | sed -n 's/^NAS *\([a-z]*\).*/\1/p'; }
glassine init --zone UTC >/dev/null; glassine volume add /mnt/nfs --name NAS >/dev/null
echo "STEP first $(glassine scan --json | tail -n 1)"
glassine tag add alps /mnt/nfs/a.jpg >/dev/null
glassine up --no-dav >/dev/null; sleep 3
echo "STEP before $(state)"
tool rpc.nfsd 0; echo 3 >/proc/sys/vm/drop_caches
timeout 60 "$PYTHON" -P -m daemon.cli.main --library /mnt/library volume probe NAS >/dev/null; echo "STEP probe $?"
echo "STEP hung $(state)"
began=$(date +%s%N); glassine down >/dev/null; echo "STEP down_ms $((($(date +%s%N) - began) / 1000000))"
serve; sleep 2
glassine up --no-dav >/dev/null
for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do sleep 2; [ "$(state)" = online ] && break; done
echo "STEP back $(state)"
echo "STEP again $(glassine scan --json | tail -n 1)"
echo "STEP tagged $(glassine find tag:alps | wc -l)"
glassine check >/dev/null; echo "STEP check $?"
glassine down >/dev/null
halt -f -p

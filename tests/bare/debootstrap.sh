#!/usr/bin/env bash
# tests/bare/debootstrap.sh ROOT [--working-tree] [run] [sudo] [test] — the two commands in a bare Debian 12.
#
# Makes a minbase Debian 12 in ROOT (once; an existing one is used again), brings this repository there by `git clone`
# (--working-tree: by a copy of the working tree), then, in namespaces of their own so that nothing survives:
#   run    ./run until READY; look through the mount and over HTTP; Ctrl-C; everything gone? Once more, and faster?
#   sudo   ./run --setup as an ordinary user with sudo, and one package missing
#   test   ./test
# Needs root and the package debootstrap. Not part of ./test: it takes minutes and downloads Debian.
set -euo pipefail

here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.." && pwd -P)
[ $# -ge 1 ] || { sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p;}' "$0" >&2; exit 2; }
root=$(realpath -m -- "$1")
shift
steps=()
by=clone
for word in "$@"; do
    case "$word" in --working-tree) by=copy ;; run | sudo | test) steps+=("$word") ;; *) exit 2 ;; esac
done
[ "${#steps[@]}" -gt 0 ] || steps=(run sudo test)

# ---- a bare Debian with the network settings of this machine
make_root() {
    local site
    site=$(apt-get indextargets --format '$(SITE)' | grep -v security | sort -u | head -n 1)
    [ -x "$root/usr/bin/apt-get" ] || debootstrap --variant=minbase --include=ca-certificates bookworm "$root" "$site"
    apt-get indextargets --format 'deb $(SITE) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
        grep bookworm | sort -u >"$root/etc/apt/sources.list"
    cp /etc/apt/apt.conf.d/* "$root/etc/apt/apt.conf.d/"
    cp -L /etc/resolv.conf /etc/hosts "$root/etc/"
    # A site with a registry of its own has its certificate and its pip settings on this machine.
    cp -L /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
    [ ! -f /etc/pip.conf ] || cp /etc/pip.conf "$root/etc/"
}

bring_repository() {
    rm -rf -- "$root/srv/glassine"
    if [ "$by" = clone ]; then
        git clone --quiet "$here" "$root/srv/glassine"
    else
        mkdir -p "$root/srv/glassine"
        tar -C "$here" --exclude=./.venv --exclude=./.git --exclude=./library --exclude=./mnt --exclude=./sample -cf - . |
            tar -C "$root/srv/glassine" -xf -
    fi
}

# Directories that pip looks into, as its settings and environment name them.
pip_directories() {
    { cat /etc/pip.conf 2>/dev/null; printf '%s\n' "${PIP_FIND_LINKS-}"; } |
        grep -oE '(file://)?/[^ ]+' | sed 's,^file://,,' | while read -r place; do
        [ ! -d "$place" ] || printf '%s\n' "$place"
    done | sort -u
}

# ---- what runs inside, in mount and pid namespaces of their own
enter() {
    local place
    mount --bind "$root" "$root"
    mount -t proc proc "$root/proc"
    mkdir -p "$root/dev/pts" "$root/dev/shm"
    mount -t devpts devpts "$root/dev/pts"
    mount -t tmpfs tmpfs "$root/dev/shm"
    touch "$root/dev/fuse"
    [ ! -c /dev/fuse ] || mount --bind /dev/fuse "$root/dev/fuse"
    while read -r place; do
        mkdir -p "$root$place"
        mount --bind "$place" "$root$place"
    done < <(pip_directories)
    exec chroot "$root" /usr/bin/env HOME=/root LC_ALL=C PATH=/usr/sbin:/usr/bin:/sbin:/bin \
        bash -s -- "$@" <"$here/tests/bare/inside.sh"
}

if [ "${GLASSINE_BARE_INSIDE-}" = 1 ]; then
    enter "${steps[@]}"
fi
make_root
bring_repository
GLASSINE_BARE_INSIDE=1 exec unshare --mount --pid --fork --propagation private "$0" "$root" "${steps[@]}"

# Sourced by ./run, ./test and .ci/run: installs what is missing, and touches nothing when nothing is.
#
# Debian packages come through apt-get (as root, or with sudo); Python packages go into .venv of this
# repository. A stamp in .venv remembers what was installed, so that a second start costs milliseconds.
# shellcheck shell=bash

say() { printf 'glassine: %s\n' "$*" >&2; }
die() { say "$@"; exit 1; }

# What the program itself needs. gcc, python3-dev, pkg-config and libfuse3-dev build pyfuse3.
RUN_PACKAGES="python3 python3-venv python3-dev gcc pkg-config libfuse3-dev fuse3 libseccomp2
    libimage-exiftool-perl ffmpeg ca-certificates tzdata"
# What the tests need on top: tracing, attributes, second opinions, namespaces, a user to run as.
TEST_PACKAGES="strace attr acl rsync curl iproute2 util-linux mount passwd procps psmisc e2fsprogs openssl
    bindfs exfat-fuse exfatprogs git zsh fish libglib2.0-bin"

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

is_debian() { command -v apt-get >/dev/null && command -v dpkg-query >/dev/null; }

# missing_packages NAME… -> the names that are not installed, one a line
missing_packages() {
    local installed name
    installed=" $(dpkg-query -W -f='${Package}/${db:Status-Status} ' "$@" 2>/dev/null || true)"
    for name in "$@"; do
        case "$installed" in *" $name/installed "*) ;; *) printf '%s\n' "$name" ;; esac
    done
}

# install_packages NAME… ; does nothing when all are there
install_packages() {
    local missing
    if ! is_debian; then
        without_apt "$@"
        return
    fi
    # Names are words. No process substitution: a bare container may lack /dev/fd.
    # shellcheck disable=SC2207
    missing=($(missing_packages "$@"))
    [ "${#missing[@]}" -gt 0 ] || return 0
    if [ "$(id -u)" != 0 ] && ! command -v sudo >/dev/null; then
        die "these Debian packages are missing and neither root nor sudo is at hand; as root, run:
    apt-get install --no-install-recommends ${missing[*]}"
    fi
    say "installing Debian packages: ${missing[*]}"
    as_root env DEBIAN_FRONTEND=noninteractive apt-get update -qq >&2 ||
        die "apt-get update failed: is the network there? See the lines above."
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -o Dpkg::Use-Pty=0 install -y -qq --no-install-recommends "${missing[@]}" >&2 ||
        die "apt-get could not install: ${missing[*]}"
}

# fusermount3 unmounts for an ordinary user only what it finds in /etc/mtab. systemd makes that link at boot; a bare
# root without systemd lacks it.
provide_mtab() {
    if [ ! -e /etc/mtab ] && [ ! -L /etc/mtab ] && { [ "$(id -u)" = 0 ] || command -v sudo >/dev/null; }; then
        as_root ln -s ../proc/self/mounts /etc/mtab
    fi
}

# On another system we install nothing, but go on if the tools are there.
without_apt() {
    local tool absent=""
    for tool in python3 fusermount3 exiftool ffmpeg pkg-config gcc; do
        command -v "$tool" >/dev/null || absent="$absent $tool"
    done
    [ -z "$absent" ] || die "this script installs with apt-get on Debian 12, which is not here. Missing tools:$absent.
    Install the counterparts of these Debian packages, then start again:
    $*"
}

# find_python -> path of a Python 3.11 or later; Debian's own first, so that every user can run it
find_python() {
    local candidate
    for candidate in /usr/bin/python3 python3 python3.13 python3.12 python3.11; do
        if "$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            command -v "$candidate"
            return
        fi
    done
    die "Python 3.11 or later with the venv module is needed (Debian 12: python3-venv)"
}

# make_environment REPOSITORY EXTRAS ; EXTRAS is "" or "dev". What dev installed also serves "".
make_environment() {
    local repository=$1 extras=$2 venv=$1/.venv stamp wanted
    stamp=$venv/.glassine-stamp
    wanted="$repository $(cat -- "$repository/pyproject.toml" "$repository/.ci/setup.sh" | sha256sum | cut -d' ' -f1)"
    if [ -x "$venv/bin/glassine" ] && [ -f "$stamp" ]; then
        case "$(cat -- "$stamp")" in "$wanted dev" | "$wanted $extras") return 0 ;; esac
    fi
    (
        # One at a time; the lock is on the directory itself, so that nothing is left behind.
        exec 9<"$repository"
        flock 9
        build_environment "$repository" "$extras" "$wanted"
    ) || exit 1
}

build_environment() {
    local repository=$1 extras=$2 wanted=$3 venv=$1/.venv target
    if ! "$venv/bin/python" -c 'import pip' 2>/dev/null; then
        say "making a Python environment in .venv"
        rm -rf -- "$venv"
        "$(find_python)" -m venv "$venv" || die "cannot make $venv (python3-venv missing, or the directory is not writable)"
    fi
    [ ! -f "$venv/.glassine-stamp" ] || ! grep -q ' dev$' "$venv/.glassine-stamp" || extras=dev
    target=$repository
    [ -z "$extras" ] || target="$repository[$extras]"
    say "installing Python packages into .venv (about a minute)"
    rm -f -- "$venv/.glassine-stamp"
    # Run as a module: the script's first line breaks when the path holds a space or is long.
    "$venv/bin/python" -m pip install -qq --disable-pip-version-check --no-warn-script-location -e "$target" >&2 ||
        die "pip could not install the Python packages; see the lines above"
    printf '%s %s\n' "$wanted" "$extras" >"$venv/.glassine-stamp"
}

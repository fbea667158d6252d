# Fed to bash in the bare root by debootstrap.sh; the arguments are the steps.
set -euo pipefail
cd /srv/glassine

tell() { printf '=== %s\n' "$*"; }
fail() { tell "FAILED: $*"; exit 1; }

# until_ready LOG PID ; waits for the READY line
until_ready() {
    local _
    for _ in $(seq 1 3000); do
        ! grep -q '^READY ' "$1" || return 0
        kill -0 "$2" 2>/dev/null || fail "./run ended before READY"
        sleep 0.2
    done
    fail "no READY after ten minutes"
}

one_run() {
    local begun=$SECONDS pid
    # A job of its own with SIGINT as the terminal would give it: bash starts background jobs with it ignored.
    setsid bash -c 'trap - INT; exec ./run' >/tmp/run.out &
    pid=$!
    until_ready /tmp/run.out "$pid"
    tell "READY after $((SECONDS - begun)) s: $(grep '^READY ' /tmp/run.out)"
    for _ in $(seq 1 100); do
        [ "$(find mnt/Timeline -name 'DSC_*' | wc -l)" -lt 30 ] || break
        sleep 0.2
    done
    ls mnt mnt/Timeline
    cmp "$(find mnt/Timeline -name DSC_4715.JPG)" sample/2019/Iceland/DSC_4715.JPG || fail "bytes differ"
    .venv/bin/python - <<'PYTHON' || fail "WebDAV does not list"
import urllib.request
request = urllib.request.Request("http://127.0.0.1:8180/Timeline/", method="PROPFIND", headers={"Depth": "1"})
with urllib.request.urlopen(request, timeout=10) as answer:
    assert answer.status == 207 and b"2019" in answer.read()
PYTHON
    kill -INT "$pid"
    wait "$pid" || fail "./run ended with $?"
    [ ! -d mnt ] || fail "mnt is still there"
    ! grep -q glassine /proc/mounts || fail "something is still mounted"
    ! grep -lz 'daemon\.' /proc/[0-9]*/cmdline 2>/dev/null | grep -v "/$$/" || fail "processes are left"
    tell "ended cleanly"
}

# An ordinary user with sudo, a copy of his own, and one package missing.
as_stranger() {
    apt-get install -y -qq --no-install-recommends sudo >/dev/null
    id stranger >/dev/null 2>&1 || useradd --create-home --shell /bin/bash stranger
    echo 'stranger ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/stranger
    rm -rf /home/stranger/glassine
    cp -r /srv/glassine /home/stranger/glassine
    rm -rf /home/stranger/glassine/.venv /home/stranger/glassine/library /home/stranger/glassine/sample
    chown -R stranger: /home/stranger/glassine
    apt-get remove -y -qq libimage-exiftool-perl >/dev/null
    setpriv --reuid stranger --regid stranger --init-groups env HOME=/home/stranger \
        sh -c 'cd / && exec /home/stranger/glassine/run --setup' || fail "./run --setup as a user with sudo"
    command -v exiftool >/dev/null || fail "exiftool was not installed"
    [ "$(stat -c %U /home/stranger/glassine/.venv)" = stranger ] || fail ".venv is not the user's"
}

for step in "$@"; do
    tell "$step"
    case "$step" in
    run)
        one_run
        one_run
        ;;
    sudo) as_stranger ;;
    test) ./test || fail "./test" ;;
    esac
done
tell "all done"

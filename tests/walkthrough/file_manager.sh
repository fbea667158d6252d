#!/usr/bin/env bash
# file_manager.sh MOUNT OUT: look at MOUNT with Thunar under Xvfb and keep pictures of it in OUT, for a person to look at.
#
# Needs xvfb, thunar, xdotool, imagemagick, dbus-x11, which ./test does not install: no machine can judge a picture.
set -euo pipefail

mount=$(realpath -- "$1")
out=$(realpath -- "$2")
display=:97
export DISPLAY=$display XDG_RUNTIME_DIR HOME
XDG_RUNTIME_DIR=$(mktemp -d)
HOME=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf -- "$XDG_RUNTIME_DIR" "$HOME"' EXIT

Xvfb $display -screen 0 1100x750x24 >/dev/null 2>&1 &
sleep 2
shift 2
number=0
for folder in "$@"; do
    number=$((number + 1))
    dbus-run-session -- thunar "$mount/$folder" >/dev/null 2>&1 &
    sleep 6
    window=$(xdotool search --onlyvisible --class thunar | tail -1)
    xdotool windowsize --sync "$window" 1080 720 || true
    sleep 2
    import -window root "$out/file-manager-$number.png"
    pkill -f "thunar $mount" || true
    sleep 1
done

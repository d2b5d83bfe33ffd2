# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# Shared by the scripts of the mail world, on the host and inside an instance.
# Sourced, never run. Expects `set -u`; leaves the shell's options alone.

export WORLD_CACHE=${DANEMILTER_CACHE:-/var/cache/danemilter-world}
export WORLD_STATE=${DANEMILTER_WORLD_STATE:-/run/danemilter-world}

say() {
    printf 'world: %s\n' "$*" >&2
}

die() {
    say "error: $*"
    exit 1
}

need_root() {
    [ "$(id -u)" = 0 ] || die "namespaces and a private root need root: run this as root"
}

need_tools() {
    local tool missing=
    for tool in "$@"; do
        command -v "$tool" >/dev/null 2>&1 || missing="$missing $tool"
    done
    [ -z "$missing" ] || die "missing on this host:$missing (install the packages that hold them)"
}

# The host's Debian code name, unless WORLD_SUITE says another.
world_suite() {
    local suite=${WORLD_SUITE:-}
    if [ -z "$suite" ]; then
        # shellcheck source=/dev/null
        suite=$(. /etc/os-release && printf '%s' "${VERSION_CODENAME:-}")
    fi
    case "$suite" in
        bookworm | trixie) printf '%s\n' "$suite" ;;
        *) die "WORLD_SUITE '$suite' is not known: use WORLD_SUITE=bookworm or WORLD_SUITE=trixie" ;;
    esac
}

now_ms() {
    local t=$EPOCHREALTIME
    printf '%s\n' "$((${t%[.,]*} * 1000 + 10#${t#*[.,]} / 1000))"
}

# What runs on must not hold the caller's pipes and locks: everything above stderr is closed.
close_fds() {
    local fd
    for fd in /proc/"$BASHPID"/fd/*; do
        fd=${fd##*/}
        case "$fd" in
            0 | 1 | 2 | 255) ;; # 255 is bash's own, closed by its exec
            *) [ ! -e "/proc/$BASHPID/fd/$fd" ] || exec {fd}>&- ;;
        esac
    done
}

show_log() {
    if [ -s "$1" ]; then
        say "the last lines of $1:"
        tail -n 15 "$1" >&2
    else
        say "its log $1 is empty or missing"
    fi
}

# wait_for SECONDS WHAT LOG COMMAND...
# Asks by COMMAND until it succeeds; after SECONDS it says what never came, with the end of LOG.
wait_for() {
    local seconds=$1 what=$2 log=$3 until
    shift 3
    until=$(($(now_ms) + seconds * 1000))
    until "$@" >/dev/null 2>&1; do
        if [ "$(now_ms)" -ge "$until" ]; then
            say "error: $what did not come within $seconds s (asked by: $*)"
            show_log "$log"
            return 1
        fi
        sleep 0.05
    done
}

# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash disable=SC2034
# Shared by the tests that run in the mail world. Sourced first; see README.md.
#
#   check WHAT COMMAND...          counts a failure if COMMAND fails, and goes on
#   within SECONDS COMMAND...      asks again until COMMAND succeeds, at most that long
#   differs COMMAND...             succeeds if COMMAND fails
#   finish                         the last line of a test: its status

set -u -o pipefail

world_folder=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=/dev/null
. "$world_folder/lib.sh"

if [ "$(id -u)" != 0 ]; then
    echo "skipped: the mail world needs root (namespaces, a private root by debootstrap)"
    exit 77
fi

checks=0
failures=0
names=()

world() {
    "$world_folder/world" "$@"
}

# up NAME [ARGUMENT...] : NAME-PID is ended with the test; its environment becomes ours.
# A test whose world does not come up has failed.
up() {
    name=$1-$$
    shift
    names+=("$name")
    world up "$name" "$@" || { echo "FAILED: the world did not come up"; exit 1; }
    eval "$(world env "$name")"
}

end_worlds() {
    local each
    for each in "${names[@]}"; do
        world down "$each"
    done
}
trap end_worlds EXIT
trap 'exit 1' HUP INT TERM

inside() {
    world exec "$name" "$@"
}

check() {
    local what=$1 begin
    shift
    checks=$((checks + 1))
    begin=$(now_ms)
    if "$@" >"$output" 2>&1; then
        echo "ok: $what ($(($(now_ms) - begin)) ms)"
    else
        failures=$((failures + 1))
        echo "FAILED: $what"
        echo "  command: $*"
        sed 's/^/  | /' "$output"
    fi
}

within() {
    local until=$(($(now_ms) + $1 * 1000))
    shift
    until "$@"; do
        [ "$(now_ms)" -lt "$until" ] || return 1
        sleep 0.1
    done
}

differs() {
    ! "$@"
}

finish() {
    rm -f "$output"
    echo "$((checks - failures)) checks passed, $failures failed"
    [ "$checks" -gt 0 ] && [ "$failures" = 0 ]
    exit
}

# --- questions

# rrset SERVER NAME TYPE : the records' data, sorted; nothing if the server does not answer
rrset() {
    inside kdig +time=2 +retry=1 +short "@$1" "$2" "$3" | sort
}

rcode() {
    inside kdig +time=3 +retry=1 +dnssec "@$1" "$2" "$3" |
        sed -n 's/.*status: \([A-Z]*\);.*/\1/p'
}

# A TLSA record's data that fits no key, different for each number.
digest() {
    printf '3 1 1 %064X' "$1"
}

shows() {
    [ "$(rrset "$1" "$2" TLSA)" = "$3" ]
}

validated() {
    inside kdig +time=3 +retry=1 +dnssec "@$1" "$2" "$3" |
        awk -f "$world_folder/inside/validated.awk"
}

output=$(mktemp)

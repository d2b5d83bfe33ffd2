#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# danectl in the mail world: exit codes, JSON that is JSON and says the same as the text, commands
# that the running daemon takes, and what is said when it does not run. Self-signed, a rollover only
# when it is asked for.

set -u
[ "$(id -u)" -eq 0 ] || {
    echo 'the mail world needs root: skipped'
    exit 77
}
issuer=selfsigned
# shellcheck source=tests/world/rollover.sh disable=SC2119
. "$(dirname "$0")/../world/rollover.sh"
trap roll_down EXIT
trap 'exit 1' INT TERM

failures=0
# gives STATUS ARGUMENT... : danectl's exit status; its output is in $said
gives() {
    local want=$1 got
    shift
    said=$(roll_danectl "$@" 2>&1)
    got=$?
    [ "$got" -eq "$want" ] && return
    echo "FAILED: danectl $*: status $got, not $want: $said"
    failures=$((failures + 1))
}
says() {
    grep -E -- "$1" <<<"$said" >/dev/null && return
    echo "FAILED: nothing like \"$1\" in: $said"
    failures=$((failures + 1))
}
# json WANT ARGUMENT... -- PATH... : what stands there
json() {
    local want=$1 got args=()
    shift
    while [ "$1" != -- ]; do
        args+=("$1")
        shift
    done
    shift
    got=$(roll_danectl "${args[@]}" --json 2>/dev/null | "$build/tests/control/jsonget" "$@" 2>&1)
    [ "$got" = "$want" ] && return
    echo "FAILED: danectl ${args[*]} --json: $* is $got, not $want"
    failures=$((failures + 1))
}

roll_up
roll_config '"p256", "rsa2048"' 0s
gives 1 status # nothing is stored yet
gives 5 roll "mx.$domain"
says 'does not run'
roll_start
roll_all_published || exit 1
certificate=mx.$domain

# Usage.
gives 2
gives 2 nonsense
gives 2 roll
gives 2 roll "$certificate" p256 more
gives 2 status --dry-run
gives 2 history -n 0
gives 0 --help
gives 0 freeze --help
gives 1 status nobody
says "it has \"$certificate\""
gives 1 roll "$certificate" p384
gives 1 -c /nonexistent status
json 1 status nobody -- status

# Well.
ready() { roll_danectl status | grep 'rsa2048 key [0-9]* *omnipresent' >/dev/null; }
roll_until 60 'standby keys in every cache' ready || exit 1
gives 0 status "$certificate"
says 'if you do nothing: it goes on by itself'
gives 0 plan
says 'switch Postfix over to p256 key'
json true status -- daemon running
json false status -- attention
json "$certificate" status -- certificates 0 certificate
json p256 status -- certificates 0 keys 0 algorithm
json true status -- certificates 0 keys 0 served
json agrees status -- certificates 0 owners 0 servers 0 state
json '[]' status -- certificates 0 frozen
json settled plan -- certificates 0 end
json '[]' plan -- certificates 0 obstacles
json "$certificate" history -n 1 -- history 0 certificate

# A dry run changes nothing; a refusal says why.
before=$(roll_danectl history)
gives 0 roll "$certificate" --dry-run
says 'dry run'
gives 4 rollback "$certificate"
says 'no way back'
json 4 rollback "$certificate" -- status
[ "$before" = "$(roll_danectl history)" ] || {
    echo 'FAILED: a dry run or a refusal left something in the history'
    failures=$((failures + 1))
}

# A freeze, what it says, and its end.
gives 0 freeze "$certificate"
gives 3 status
says 'FROZEN'
says "to end it: danectl resume $certificate"
json operator status -- certificates 0 frozen 0 cause
json true status -- certificates 0 frozen 0 needs_resume
gives 3 plan
says 'first has to end: frozen'
json freeze plan -- certificates 0 obstacles 0 what
gives 0 resume "$certificate"
gives 0 status

# A rollover because it was asked for, and a renewal of one algorithm.
gives 0 roll "$certificate"
roll_until 60 'the rollover that was asked for' roll_reached 1 || failures=$((failures + 1))
issued() { roll_danectl history | grep -c ' issued: certificate for p256'; }
n=$(issued)
renewed() { [ "$(issued)" -gt "$n" ]; }
gives 0 renew "$certificate" p256
roll_until 30 'the renewal that was asked for' renewed || failures=$((failures + 1))

# Not running.
roll_stop
gives 3 status
says 'danemilter does not run'
says 'nothing goes on before danemilter runs again'
json false status -- daemon running
gives 5 freeze "$certificate"
says 'does not run'
json 5 freeze "$certificate" -- status

# Not root.
said=$(roll_in setpriv --reuid 65534 --clear-groups "$build/danectl" -c "$dm/danemilter.conf" \
    roll "$certificate" 2>&1)
[ $? -eq 4 ] || {
    echo "FAILED: another user: $said"
    failures=$((failures + 1))
}
says 'root'
echo "danectl: $failures failed"
[ "$failures" -eq 0 ]

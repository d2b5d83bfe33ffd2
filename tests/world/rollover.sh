# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash disable=SC2034,SC2119,SC2120
#
# rollover.sh - what the rollover tests and the demo share: danemilter in a mail world, the prober
# and real mail beside it. Sourced. Sets: world, name, W (the world's assignments), dm (a folder of
# our own in the world). The caller sets `zone` (bind or pdns) before roll_up.

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
world=$here/world
build=${DANEMILTER_BUILD:?set DANEMILTER_BUILD to the build folder}
name=${ROLL_NAME:-roll$$}
zone=${zone:-bind}
daemon_pid='' prober_pid='' mail_pid='' watch_pid=''

roll_note() { printf '%s\n' "$*"; }
roll_die() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

# One value of the world: roll_get BIND_MX4
roll_get() { "$world" env "$name" | sed -n "s/^WORLD_$1=//p"; }

roll_up() {
    "$world" up "$name" --bind "$build" "$@" || roll_die 'the mail world did not come up'
    local upper
    upper=$(printf '%s' "$zone" | tr '[:lower:]' '[:upper:]')
    dir=$(roll_get DIR)
    dm=$dir/tmp/dm
    (umask 022 && mkdir -p "$dm") || roll_die "$dm could not be made"
    mx=$(roll_get "${upper}_MX")
    ns1=$(roll_get "${upper}_NS1_4")
    ns2=$(roll_get "${upper}_NS2_4")
    ns1_6=$(roll_get "${upper}_NS1_6")
    ns2_6=$(roll_get "${upper}_NS2_6")
    postfix=$(roll_get "${upper}_POSTFIX")
    chain=$(roll_get "${upper}_CHAIN")
    resolver=$(roll_get RESOLVER4)
    anchor=$(roll_get TRUST_ANCHOR)
    tsig=$(roll_get TSIG_FILE)
    domain=$zone.test
    chmod 0600 "$chain" # it holds private keys; danemilter refuses what others may read
}

roll_in() { "$world" exec "$name" "$@"; }

# roll_config KEYS EVERY [LINES FOR renew { }]: a danemilter.conf with times of seconds
roll_config() {
    local keys=$1 every=$2 renew=${3:-}
    umask 022
    cat >"$dm/danemilter.conf" <<END
state_dir = "$dm/state"
run_dir = "$dm/run"
user = "danemilter"
trust_anchor = "$anchor"
resolver = {"$(roll_get CA_RESOLVER4)"}

dns "primary" {
    provider = "rfc2136"
    server = "$ns1"
    zone = "$domain"
    key_file = "$tsig"
}

certificate "$mx" {
    names = {"$mx"}
    keys = {$keys}
    issuer = "selfsigned"
    chain_file = "$chain"
    strategy = "standby"
    tlsa {
        hosts = {"$mx"}
        ports = {"25"}
        records = {"3 1 1"}
        ttl = 2
        dns = "primary"
    }
    renew {
        every = "$every"
        $renew
    }
    deploy { postfix_config = "$postfix" }
}

policy {
    poll = "250ms"
    silence = "30s"
    past_ttl = "5s"
    floor = "3s"
    sender_timeout = "2s"
    commit_window = "3s"
    attest_every = "500ms"
}
END
}

# The daemon, in the foreground, in the world; its pid in the world is in $dm/pid.
roll_start() {
    roll_in sh -c "echo \$\$ >'$dm/pid'; exec '$build/danemilter' -f -c '$dm/danemilter.conf'" \
        >>"$dm/log" 2>&1 </dev/null &
    daemon_pid=$!
}

roll_pid() { cat "$dm/pid"; }

# roll_kill SIGNAL: all processes of ours in the world (the daemon and its helper)
roll_kill() {
    # shellcheck disable=SC2016
    roll_in sh -c '
        for stat in /proc/[0-9]*/comm; do
            read -r comm 2>/dev/null <"$stat" || continue
            pid=${stat#/proc/}; pid=${pid%/comm}
            [ "$comm" = danemilter ] && kill -s "$1" "$pid" 2>/dev/null
        done; exit 0' sh "$1"
}

# The privileged half alone: the daemon is to notice, and to end.
roll_kill_helper() {
    # shellcheck disable=SC2016
    roll_in sh -c '
        for stat in /proc/[0-9]*/comm; do
            read -r comm 2>/dev/null <"$stat" || continue
            pid=${stat#/proc/}; pid=${pid%/comm}
            [ "$comm" = danemilter ] && [ "$(stat -c %u "/proc/$pid")" = 0 ] &&
                grep -q "^PPid:[[:space:]]*$1\$" "/proc/$pid/status" && kill -s KILL "$pid"
        done; exit 0' sh "$(roll_pid)"
}

roll_stop() {
    [ -n "$daemon_pid" ] || return 0
    roll_kill TERM
    wait "$daemon_pid" 2>/dev/null
    daemon_pid=''
}

roll_status() { roll_in "$build/danectl" -c "$dm/danemilter.conf" status; }

# roll_until SECONDS WHAT COMMAND...: asks again every tenth of a second
roll_until() {
    local seconds=$1 what=$2 i
    shift 2
    for ((i = 0; i < seconds * 10; i++)); do
        "$@" && return 0
        sleep 0.1
    done
    printf 'not within %s s: %s\n' "$seconds" "$what" >&2
    tail -n 25 "$dm/log" >&2
    return 1
}

roll_logged() { grep -q -- "$1" "$dm/log"; }

# How many key rollovers are complete: those of the algorithm that has fewer.
roll_count() {
    local a b
    a=$(grep -c 'p256 key [0-9]* is committed' "$dm/log")
    b=$(grep -c 'rsa2048 key [0-9]* is committed' "$dm/log")
    echo $((a < b ? a : b))
}
roll_reached() { [ "$(roll_count)" -ge "$1" ]; }

# The first publication is seen by every sender: the negative answers are out of the caches.
roll_published() {
    roll_until 30 'the first publication' roll_logged ' is confirmed' || return 1
    sleep 6 # 2 x (TTL + 1): resolvers' and Postfix's own caches of "no TLSA here"
}

roll_probe() {
    rm -f "$dm/enough" "$dm/probing"
    roll_in "$build/prober" --resolver "$resolver" --auth "$ns1" --auth "$ns2" \
        --auth "$ns1_6" --auth "$ns2_6" --until-file "$dm/enough" --ready-file "$dm/probing" \
        --log "$dm/prober.log" "$@" "$mx" \
        >"$dm/prober.out" 2>"$dm/prober.err" </dev/null &
    prober_pid=$!
    roll_until 30 'a probe of each address and algorithm' test -e "$dm/probing" || exit 1
}

# Ends the prober: its result line is in $probes, its status is ours. Not for a subshell, which
# could not wait for it.
roll_probed() {
    local status
    : >"$dm/enough"
    wait "$prober_pid"
    status=$?
    prober_pid=''
    probes=$(grep '^probes=' "$dm/prober.out")
    cat "$dm/prober.err"
    if [ "$status" -ne 0 ]; then
        printf 'the prober ended with status %s\n' "$status" >&2
        tail -n 40 "$dm/prober.log" >&2
    fi
    return "$status"
}

# One mail a second, from the sending Postfix.
roll_mail() {
    mark=$("$world" mark "$name")
    while :; do
        "$world" send "$name" "$domain" 1 >/dev/null || exit 1
        sleep 1
    done &
    mail_pid=$!
}

# Ends the mails: what became of them is in $mails; true when each was Verified at the first try.
roll_mailed() {
    kill "$mail_pid" 2>/dev/null
    wait "$mail_pid" 2>/dev/null
    mail_pid=''
    mails=$("$world" verdict "$name" --wait 20 "$mark")
    case "$mails" in
    'messages=0 '*) return 1 ;;
    *' deferred=0 bounced=0 '*' trusted=0 untrusted=0 anonymous=0 plain=0 pending=0') ;;
    *) return 1 ;;
    esac
}

# Ends the display of the log, with what it has still to show.
roll_unwatch() {
    [ -n "$watch_pid" ] || return 0
    sleep 1 # tail -f looks once a second
    kill "$watch_pid" 2>/dev/null
    wait "$watch_pid" 2>/dev/null
    watch_pid=''
}

roll_down() {
    roll_stop
    roll_unwatch
    if [ -n "$mail_pid" ]; then
        kill "$mail_pid" 2>/dev/null
        wait "$mail_pid" 2>/dev/null
    fi
    if [ -n "$prober_pid" ]; then
        : >"$dm/enough"
        wait "$prober_pid" 2>/dev/null
    fi
    "$world" down "$name"
}

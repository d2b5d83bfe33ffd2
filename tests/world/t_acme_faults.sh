#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# danemilter and a CA in trouble, or one that lies (safety.md rows 1, 4, 7-10): half of the nonces
# refused all along; the CA down, and back with everything forgotten; the answer to finalize lost;
# the wrong key, a missing name, a private key in the chain. In the foreground, keys kept
# (strategy reuse), so that each renewal is an order for the key that is served. Under real
# senders' checks: what is served never stops to match.

# shellcheck disable=SC2034,SC2154,SC2016 # the variables of rollover.sh; a script in single quotes

set -u
[ "$(id -u)" -eq 0 ] || {
    echo 'the mail world needs root: skipped'
    exit 77
}
style=foreground
strategy=reuse
# shellcheck source=/dev/null
. "$(dirname "$0")/rollover.sh"
fakeca_pid=''
end() {
    fakeca_end
    roll_down
}
trap end EXIT
trap 'exit 1' INT TERM

# must SECONDS WHAT COMMAND...
must() {
    local begin=$SECONDS
    roll_until "$@" || {
        roll_status
        exit 1
    }
    roll_note "ok: $2 ($((SECONDS - begin)) s)"
}

# mark: what the log says from here on is new
mark() { seen=$(wc -l <"$dm/log"); }
news() { tail -n "+$((seen + 1))" "$dm/log"; }
says() { news | grep -E -- "$1" >/dev/null; }
status_says() { roll_status | tr -s ' \n' ' ' | grep -E -- "$1" >/dev/null; } # it breaks lines
# Both keys have a new certificate since the mark, and serve it for good: each has a switch of its
# own, or both have the same one.
renewed() {
    news | awk '
        / certificate for .*, valid until / { issued++; over = 0 }
        / switched: / { over = 1 }
        / is committed: / { committed++ }
        END { exit !(issued >= 2 && over && committed >= 2) }'
}
served() { sha256sum <"$chain"; }
same() {
    [ "$(served)" = "$before" ] || roll_die "$1: the chain file was touched: $(news | tail -n 30)"
}
renew() { roll_danectl renew "$mx" >/dev/null || roll_die 'danectl renew failed'; }
told() { cat "$dm"/notices/* 2>/dev/null | tr -s ' \n' ' ' | grep -E -- "$1" >/dev/null; }

published() {
    local server
    for server in "$ns1" "$ns2" "$ns1_6" "$ns2_6"; do
        [ "$(roll_in kdig +short "@$server" "_25._tcp.$mx." TLSA | grep -c '^3 1 1 ')" = 2 ] || return 1
    done
}

# fakeca_begin SCRIPT... : a CA of our own beside pebble
fakeca_begin() {
    local each address options=()
    for each in "$@"; do
        options+=(--script "$each")
    done
    rm -f "$dm/fakeca.pem" "$dm/fakeca.log"
    address=$(roll_get PEBBLE_MANAGEMENT) # https://ADDRESS:PORT
    address=${address#https://}
    roll_in "$build/fakeca" --address "${address%:*}" --port 14001 --host acme.test \
        --dns "$(roll_get CA_RESOLVER4)" --root-out "$dm/fakeca.pem" --forever \
        ${options[@]+"${options[@]}"} >"$dm/fakeca.log" 2>&1 </dev/null &
    fakeca_pid=$!
    roll_until 10 "fakeca: ${*:-honest}" grep -qs '^directory' "$dm/fakeca.log" || {
        cat "$dm/fakeca.log"
        exit 1
    }
}
fakeca_end() {
    [ -n "$fakeca_pid" ] || return 0
    roll_in sh -c 'for p in /proc/[0-9]*; do
        [ "$(cat "$p/comm" 2>/dev/null)" != fakeca ] || kill "${p#/proc/}"; done'
    wait "$fakeca_pid" 2>/dev/null
    fakeca_pid=''
}

# with_fakeca SCRIPT... : a daemon with a new memory, whose CA is fakeca
with_fakeca() {
    roll_stop
    fakeca_end
    rm -rf "$dm/state" "$dm/run" "$dm"/notices/*
    fakeca_begin "$@"
    sed -i -e "s|^    directory = .*|    directory = \"https://acme.test:14001/directory\"|" \
        -e "s|^    ca_file = .*|    ca_file = \"$dm/fakeca.pem\"|" "$dm/danemilter.conf"
    before=$(served)
    mark
    roll_start
    must 30 'taken over what is served' says 'adopted the 2 keys'
}

roll_up NONCEREJECT=50
mkdir -m 1777 "$dm/notices"
printf '#!/bin/sh\nexec cat >"$(mktemp %s/notices/XXXXXX)"\n' "$dm" >"$dm/sendmail"
chmod 755 "$dm/sendmail"
roll_config '"p256", "rsa2048"' 1h '' "$(printf 'notify = "postmaster@%s"\nsendmail = "%s"' "$domain" "$dm/sendmail")"
roll_start
must 30 'published on both servers' published
sleep 6 # 2 x (TTL + 1): negative answers leave the caches of resolvers and Postfix
roll_probe

roll_note '--- row 1: half of the nonces are refused'
mark
renew
must 40 'both certificates all the same' renewed

roll_note '--- the CA is down, danemilter is killed meanwhile'
"$world" stop "$name" pebble || exit 1
before=$(served)
mark
renew
must 30 'the log says that it cannot be reached' says 'acme.test.*(no answer|refused|connect)'
must 20 'status says so' status_says 'acme.test|no answer|connect'
roll_kill KILL
wait "${daemon_pids[$zone]}" 2>/dev/null
mark
begun=$(now_ms)
roll_start
sleep 3
same 'the CA is down'
roll_note "$(news | grep "acme.test.*\(no answer\|connect\)")"
# Each of the two keys waits twice as long after each failure, from half of 250 ms: so many in this time.
most=$(awk -v ms="$(($(now_ms) - begun))" 'BEGIN { print 2 * (2 + int(log(ms / 125 + 1) / log(2))) }')
[ "$(news | grep -c 'acme.test.*\(no answer\|connect\)')" -le "$most" ] || roll_die "it asks and asks (at most $most)"
"$world" start "$name" pebble || exit 1
must 60 'up again, with everything forgotten: a new account, certificates' renewed

roll_note '--- row 4: the answer to finalize is lost'
with_fakeca 'cut-after@1-3'
renew
must 60 'the certificates come' renewed
orders=$(grep -c 'newOrder /new-order 201' "$dm/fakeca.log")
[ "$orders" -eq 2 ] || roll_die "$orders orders for two certificates"
roll_note 'ok: two keys, two orders'

roll_note '--- the CA loses everything within an order'
with_fakeca 'forget:finalize@1'
renew
must 60 'another account, another order: the certificates come' renewed
orders=$(grep -c 'newOrder /new-order 201' "$dm/fakeca.log")
[ "$orders" -eq 3 ] || roll_die "$orders orders for two certificates and one order that was lost"

lie() { # SCRIPT WHAT THE-LOG-SAYS
    roll_note "--- rows 7-11: $2"
    with_fakeca "$1"
    renew
    must 30 'rejected, and the log says why' says "rejected.*($3)"
    must 10 'status says so' status_says "wants attention.*rejected.*($3)"
    must 10 'somebody is told' told "$3"
    same "$2"
    ! grep 'complaint' "$dm/fakeca.log" || roll_die 'the CA has a complaint'
    sleep 2
    [ "$(grep -c 'newOrder /new-order 201' "$dm/fakeca.log")" -le 2 ] || roll_die 'asked again at once'
}
lie wrong-key 'the wrong key' 'another key'
lie missing-name 'a name is missing' "does not cover $mx"
lie with-key 'a private key in the chain' 'PRIVATE KEY'

sleep 1
roll_probed || roll_die "the prober saw it: ${probes[$zone]}"
roll_note "ok: ${probes[$zone]}"
roll_note "all of it in $SECONDS s"

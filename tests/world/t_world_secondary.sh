#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# What can be wrong with the secondary is wrong exactly as asked for, and mends when asked.
# shellcheck disable=SC2154 # name, world_folder and output are of testlib.sh
# shellcheck source=/dev/null
. "$(dirname "$0")/testlib.sh"

up secondary TTL=2

# publish NUMBER : in both zones, and both primaries show it
publish() {
    world tlsa "$name" bind set "$(digest "$1")" &&
        world tlsa "$name" pdns set "$(digest "$1")" &&
        shows "$WORLD_BIND_NS1_4" "$WORLD_BIND_TLSA" "$(digest "$1")" &&
        shows "$WORLD_PDNS_NS1_4" "$WORLD_PDNS_TLSA" "$(digest "$1")"
}

# secondaries show NUMBER, at all four addresses
secondaries() {
    local want
    want=$(digest "$1")
    shows "$WORLD_BIND_NS2_4" "$WORLD_BIND_TLSA" "$want" &&
        shows "$WORLD_BIND_NS2_6" "$WORLD_BIND_TLSA" "$want" &&
        shows "$WORLD_PDNS_NS2_4" "$WORLD_PDNS_TLSA" "$want" &&
        shows "$WORLD_PDNS_NS2_6" "$WORLD_PDNS_TLSA" "$want"
}

# for SECONDS, COMMAND has to succeed each time it is asked
throughout() {
    local until=$(($(now_ms) + $1 * 1000)) asked=0
    shift
    while [ "$(now_ms)" -lt "$until" ]; do
        "$@" || { echo "not at question $((asked + 1))" && return 1; }
        asked=$((asked + 1))
    done
    echo "asked $asked times"
}

check "published" publish 1
check "a good secondary follows by itself" within 5 secondaries 1

# --- frozen: answers, signed and authoritative, but old, for ever

check "freeze" world freeze "$name"
check "published" publish 2
check "a frozen secondary keeps the old data" throughout 3 secondaries 1
check "freeze once more does no harm" world freeze "$name"
check "still old" secondaries 1
check "thaw" world thaw "$name"
check "a thawed secondary is in step when thaw returns" secondaries 2

# --- lag: each change, that much later

lagging() {
    local begin seconds=$1
    publish 3 || return 1
    begin=$(now_ms)
    throughout $((seconds - 1)) secondaries 2 || return 1
    sleep 0.5 # less than the lag is over: a change on top must not be seen with the first
    publish 4 || return 1
    within 3 shows "$WORLD_BIND_NS2_4" "$WORLD_BIND_TLSA" "$(digest 3)" || return 1
    echo "the first change after $(($(now_ms) - begin)) ms"
    [ $(($(now_ms) - begin)) -ge $((seconds * 1000 - 300)) ] || return 1
    within $((seconds + 2)) secondaries 4 || return 1
    echo "the second after $(($(now_ms) - begin)) ms"
    [ $(($(now_ms) - begin)) -ge $((seconds * 1000 * 2 - 800)) ]
}
check "lag 4" world lag "$name" 4
check "each change is seen 4 s later" lagging 4
check "lag 0" world lag "$name" 0
check "published" publish 5
check "and follows again" within 5 secondaries 5

# --- flap: now, old, now, old

# changes SECONDS A B : how often what is seen turns from A to B or back, other answers apart
changes() {
    local until=$(($(now_ms) + $1 * 1000)) last='' seen turns=0
    while [ "$(now_ms)" -lt "$until" ]; do
        seen=$(rrset "$WORLD_BIND_NS2_4" "$WORLD_BIND_TLSA" TLSA)
        case "$seen" in
            "$(digest "$2")" | "$(digest "$3")") ;;
            *) echo "neither: '$seen'" && return 1 ;;
        esac
        [ -z "$last" ] || [ "$seen" = "$last" ] || turns=$((turns + 1))
        last=$seen
        sleep 0.1
    done
    echo "turned $turns times"
    [ $turns -ge 3 ]
}
check "flap 1" world flap "$name" 1
check "published" publish 6
check "the secondary turns from new to old and back" changes 6 5 6
check "thaw" world thaw "$name"
check "in step" secondaries 6
check "and stays so" throughout 2 secondaries 6

# --- silence: no answer at all, over UDP and TCP, at one address or all

answers() {
    inside kdig +time=1 +retry=0 "$2" "@$1" bind.test. SOA
}
check "silence of one address" world silence "$name" "$WORLD_BIND_NS2_6"
check "no answer there" differs answers "$WORLD_BIND_NS2_6" +notcp
check "none over TCP" differs answers "$WORLD_BIND_NS2_6" +tcp
check "the other address answers" answers "$WORLD_BIND_NS2_4" +notcp
check "speak" world speak "$name" "$WORLD_BIND_NS2_6"
check "answers again" answers "$WORLD_BIND_NS2_6" +tcp
check "silence of the secondary" world silence "$name"
check "no answer over IPv4" differs answers "$WORLD_BIND_NS2_4" +notcp
check "nor over IPv6" differs answers "$WORLD_BIND_NS2_6" +notcp
check "status says so" grep -Eq '^secondary +silent' <<<"$(world status "$name")"
check "bind.test still resolves by its primary" within 15 validated "$WORLD_CA_RESOLVER4" bind.test. MX
check "thaw ends silence too" world thaw "$name"
check "answers again" answers "$WORLD_BIND_NS2_4" +notcp
silent_and_not() {
    within 4 differs answers "$WORLD_BIND_NS2_4" +notcp && within 4 answers "$WORLD_BIND_NS2_4" +notcp
}
check "flap 1 silent" world flap "$name" 1 silent
check "it is silent and speaks" silent_and_not
check "and again" silent_and_not
check "thaw" world thaw "$name"
check "answers all the time" throughout 3 answers "$WORLD_BIND_NS2_4" +notcp
finish

#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# dns-01's TXT records in the mail world: put by the provider that holds the name, through a CNAME
# into another zone, and seen only when every address of every server shows them.
# shellcheck disable=SC2154 # name, output and the world's environment
# shellcheck source=/dev/null
. "$(dirname "$0")/testlib.sh"

build=${DANEMILTER_BUILD:?set it to the build folder}
up dnschallenge --bind "$build" TTL=2
said=$WORLD_DIR/tmp/said
value=LPJNul-wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ
here=_acme-challenge.mx.$WORLD_BIND_ZONE
there=_acme-challenge.mx.$WORLD_PDNS_ZONE

challenge() {
    inside "$build/tests/dns/dnschallenge" --anchor "$WORLD_TRUST_ANCHOR" --hints "$WORLD_DIR/root-hints" \
        --rfc2136 "$WORLD_BIND_ZONE $WORLD_BIND_NS1_4 $WORLD_TSIG_FILE" \
        --powerdns "$WORLD_PDNS_ZONE http://$WORLD_PDNS_NS1_4:8081 $WORLD_DIR/pdns-api.key" "$@"
}

# tells TEXT ARGUMENT... : what challenge prints holds TEXT, whatever its status
tells() {
    local text=$1
    shift
    challenge "$@" >"$said" 2>&1
    cat "$said"
    grep -qF -- "$text" "$said"
}

# is TEXT ARGUMENT... : it prints exactly that
is() {
    local text=$1
    shift
    challenge "$@" >"$said" 2>&1
    cat "$said"
    [ "$(cat "$said")" = "$text" ]
}

by_hand() {
    { printf 'server %s\nzone %s.\n' "$WORLD_BIND_NS1_4" "$WORLD_BIND_ZONE" && printf '%s\n' "$@" send; } |
        inside nsupdate -k "$WORLD_TSIG_FILE" -t 5
}

holds() {
    [ "$(rrset "$1" "$2" TXT)" = "$(shift 2 && printf '%s\n' "$@" | sort)" ]
}

holds_cname() {
    [ -n "$(rrset "$1" "$here" CNAME)" ] && [ -n "$(rrset "$1" "alias.$WORLD_BIND_ZONE" CNAME)" ]
}

for owner in "$here" "$there"; do
    [ "$owner" = "$here" ] && ns=$WORLD_BIND_NS1_4 || ns=$WORLD_PDNS_NS1_4
    echo "--- $owner"
    check "not there: not yet, and which server" tells "not yet: ns" seen "$owner." "$value"
    check "put" is ok put "$owner." "$value"
    check "once more is fine" is ok put "$owner." "$value"
    check "a second value beside it" is ok put "$owner." second-value
    check "both are there" holds "$ns" "$owner" "\"$value\"" '"second-value"'
    check "seen everywhere" within 8 is ok seen "$owner." "$value"
    check "a value that nobody put is not seen" tells "but others" seen "$owner." third-value
    check "drop" is ok drop "$owner." "$value"
    check "gone already is fine" is ok drop "$owner." "$value"
    check "the other value stays" holds "$ns" "$owner" '"second-value"'
    check "and goes" is ok drop "$owner." second-value
done

echo "--- through a CNAME into the other zone"
check "the CNAME" by_hand "update add $here. 2 CNAME alias.$WORLD_BIND_ZONE." \
    "update add alias.$WORLD_BIND_ZONE. 2 CNAME $there."
check "the secondary has it" within 8 holds_cname "$WORLD_BIND_NS2_4"
check "put where it leads" is ok put "$here." "$value"
check "there it is" holds "$WORLD_PDNS_NS1_4" "$there" "\"$value\""
check "seen everywhere" within 8 is ok seen "$here." "$value"
check "drop where it leads" is ok drop "$here." "$value"
check "gone" holds "$WORLD_PDNS_NS1_4" "$there"
check "gone from the secondary" within 8 holds "$WORLD_PDNS_NS2_4" "$there"

echo "--- a secondary that shows old data"
check "frozen" world freeze "$name"
check "put" is ok put "$there." "$value"
check "the secondary is named" tells "not yet: ns2.$WORLD_PDNS_ZONE" seen "$there." "$value"
check "again, and again not yet" tells "not yet: ns2.$WORLD_PDNS_ZONE" seen "$there." "$value"
check "it thaws" world thaw "$name"
check "seen everywhere" within 8 is ok seen "$there." "$value"
check "it lags" world lag "$name" 4
check "put another" is ok put "$there." lagging-value
check "not yet" tells "not yet: ns2.$WORLD_PDNS_ZONE" seen "$there." lagging-value
check "seen when it has followed" within 15 is ok seen "$there." lagging-value
check "it lags no more" world thaw "$name"
check "a silent address" world silence "$name" "$WORLD_PDNS_NS2_6"
check "is no agreement" tells "$WORLD_PDNS_NS2_6) is not heard" --udp-ms 300 --round-ms 12000 \
    seen "$there." "$value"
check "it speaks" world speak "$name" "$WORLD_PDNS_NS2_6"
check "and agrees" within 8 is ok seen "$there." "$value"

echo "--- what cannot be"
check "no provider for the zone" tells "no dns section" put _acme-challenge.mx.insecure.test. "$value"
check "a bogus zone" tells "refused: " seen _acme-challenge.mx.bogus.test. "$value"
check "a loop" by_hand "update delete $here. CNAME" "update delete alias.$WORLD_BIND_ZONE. CNAME" \
    "update add $here. 2 CNAME alias.$WORLD_BIND_ZONE." \
    "update add alias.$WORLD_BIND_ZONE. 2 CNAME $here."
check "is refused" within 5 tells "mend the loop" put "$here." "$value"
check "also when looked for" tells "mend the loop" seen "$here." "$value"
check "a CNAME into a zone of nobody" by_hand "update delete $here. CNAME" \
    "update add $here. 2 CNAME _acme-challenge.elsewhere.insecure.test."
check "is refused, with both names" within 5 tells "a CNAME to _acme-challenge.elsewhere.insecure.test." \
    put "$here." "$value"

finish

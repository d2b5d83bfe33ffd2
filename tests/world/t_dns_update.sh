#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Updates by RFC 2136 at BIND and PowerDNS: visible everywhere, compare and swap, others' records
# untouched, and each refusal explained.
# shellcheck disable=SC2154 # name, output and the world's environment
# shellcheck source=/dev/null
. "$(dirname "$0")/testlib.sh"

build=${DANEMILTER_BUILD:?set it to the build folder}
up dnsupdate --bind "$build" TTL=2
round="$build/tests/dns/dnsround --anchor $WORLD_TRUST_ANCHOR --hints $WORLD_DIR/root-hints --refresh-ms 1000"
said=$WORLD_DIR/tmp/said
wrong=$WORLD_DIR/tmp/wrong.key
unknown=$WORLD_DIR/tmp/unknown.key

# choose BIND|PDNS
choose() {
    zone=WORLD_$1_ZONE server=WORLD_$1_NS1_4 owner=WORLD_$1_TLSA second=WORLD_$1_NS2_4
    zone=${!zone} server=${!server} owner=${!owner} second=${!second}
}

# change [OPTION VALUE]... : dnschange with the right key at the primary
change() {
    inside "$build/tests/dns/dnschange" --key "$WORLD_TSIG_FILE" --server "$server" "$@"
}

# tells TEXT COMMAND... : the command's output has a line with TEXT, whatever its status
tells() {
    local text=$1
    shift
    "$@" >"$said" 2>&1
    cat "$said"
    grep -qF -- "$text" "$said"
}

# by_hand LINE... : nsupdate, as somebody else would do it
by_hand() {
    { printf 'server %s\nzone %s.\n' "$server" "$zone" && printf '%s\n' "$@" send; } |
        inside nsupdate -k "$WORLD_TSIG_FILE" -t 5
}

# holds RDATA... : the primary's RRset is exactly these
holds() {
    [ "$(rrset "$server" "$owner" TLSA)" = "$(printf '%s\n' "$@" | sort)" ]
}

# everywhere COUNT : every address of both servers shows that many records, validated
everywhere() {
    # shellcheck disable=SC2086 # several words
    inside $round "$owner" >"$said" || return 1
    cat "$said"
    [ "$(grep -c '^ns[12].*RRSET' "$said")" = 4 ] && [ "$(grep -c '^  TLSA' "$said")" = $((4 * $1)) ]
}

# meanwhile CHANGE-BY-HAND ARGUMENT... : somebody changes the RRset between our reading and
# changing it
meanwhile() {
    local hand=$1 line
    shift
    coproc CHANGE { change --wait - "$@" 2>&1; }
    local out=${CHANGE[0]} in=${CHANGE[1]} pid=$CHANGE_PID
    read -r -t 20 line <&"$out" && [ "$line" = read ] || return 1
    by_hand "$hand" || return 1
    echo go >&"$in"
    cat <&"$out" >"$said"
    wait "$pid"
    cat "$said"
    grep -q '^not yet: .*meanwhile' "$said"
}

sed 's/secret ".*"/secret "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="/' "$WORLD_TSIG_FILE" >"$wrong"
sed 's/danemilter/stranger/' "$WORLD_TSIG_FILE" >"$unknown"
chmod 600 "$wrong" "$unknown"

for which in BIND PDNS; do
    choose "$which"
    echo "--- $zone at $server"
    check "an empty RRset is read" tells "ttl 0 records 0" change "$owner."
    check "the first record" tells "ok" change --ttl 2 "$owner." "+$(digest 1)"
    check "seen at all four addresses" within 10 everywhere 1
    check "somebody else adds one" by_hand "update add $owner. 2 TLSA $(digest 99)"
    check "ours comes beside it" tells "ok" change "$owner." "+$(digest 2)"
    check "all three are there" holds "$(digest 1)" "$(digest 2)" "$(digest 99)"
    check "add and delete in one message" tells "ok" change "$owner." "+$(digest 3)" "-$(digest 1)"
    check "the other's is untouched" holds "$(digest 2)" "$(digest 3)" "$(digest 99)"
    check "seen at all four addresses, validated" within 10 everywhere 3
    check "an addition in between: not yet" meanwhile "update add $owner. 2 TLSA $(digest 98)" \
        "$owner." "+$(digest 4)" "-$(digest 2)"
    check "and nothing of ours was done" holds "$(digest 2)" "$(digest 3)" "$(digest 98)" "$(digest 99)"
    check "a deletion in between: not yet" meanwhile "update delete $owner. TLSA $(digest 98)" \
        "$owner." "+$(digest 4)"
    check "and nothing of ours was done" holds "$(digest 2)" "$(digest 3)" "$(digest 99)"
    check "the TTL is kept by itself" tells "ttl 2 records 3" change "$owner."
    check "another TTL moves the RRset, and is said" tells "goes from 2 to 5" \
        change --ttl 5 "$owner." "+$(digest 5)"
    check "the RRset has one TTL" tells "ttl 5 records 4" change "$owner."
    check "back to 2" tells "ok: the TTL" change --ttl 2 "$owner." "+$(digest 6)"
    check "to nothing" by_hand "update delete $owner. TLSA"
    check "a first record in between: not yet" meanwhile "update add $owner. 2 TLSA $(digest 97)" \
        "$owner." "+$(digest 4)"
    check "and nothing of ours was done" holds "$(digest 97)"
    check "a zone that is named wrongly is told" tells "refused: $owner. is not in the zone" \
        change --zone other.test "$owner." "+$(digest 7)"
    check "a clock far behind is explained" tells "refused: " inside env SKEW=-4000 \
        "$build/tests/dns/dnschange" --key "$WORLD_TSIG_FILE" --server "$server" "$owner."
    check "a key that is unknown there is refused" tells "refused: " change --key "$unknown" "$owner."
    check "a wrong secret is refused" tells "refused: " change --key "$wrong" "$owner."
    check "the secondary is no place for changes" tells "refused: " change --server "$second" \
        --zone "$zone" "$owner." "+$(digest 8)"
    check "a silent primary is tried again later" world silence "$name" "$server"
    check "and says so" tells "retry: the primary $server port 53 does not answer" \
        change --timeout-ms 600 "$owner."
    check "it speaks again" world speak "$name" "$server"
    check "and is used again" within 5 tells "records 1" change "$owner."
done

choose BIND
check "BADSIG" tells "the secret of the TSIG key" change --key "$wrong" "$owner."
check "BADKEY" tells "it has no TSIG key" change --key "$unknown" "$owner."
check "BADTIME, ahead" tells "s ahead of ours" inside env SKEW=-4000 \
    "$build/tests/dns/dnschange" --key "$WORLD_TSIG_FILE" --server "$server" "$owner."
check "BADTIME, behind" tells "s behind ours" inside env SKEW=4000 \
    "$build/tests/dns/dnschange" --key "$WORLD_TSIG_FILE" --server "$server" "$owner."
check "within the fudge all is well" tells "records 1" inside env SKEW=200 \
    "$build/tests/dns/dnschange" --key "$WORLD_TSIG_FILE" --server "$server" "$owner."
sed -i 's/update-policy {.*};/update-policy { grant danemilter. name other.bind.test. TXT; };/' \
    "$WORLD_DIR/bind/named.conf"
check "BIND with a narrow policy" world restart "$name" bind
check "the key may still read" tells "records 1" change "$owner."
check "and may not change, with the way to mend it" tells "grant danemilter. name $owner. TLSA" \
    change "$owner." "+$(digest 9)"
choose PDNS
check "PowerDNS: unsigned, both causes named" tells "compare the secrets" change --key "$wrong" "$owner."

finish

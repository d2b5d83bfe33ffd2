#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# PowerDNS' HTTP API: changes that are visible everywhere, others' records untouched, a change in
# between noticed, and each refusal explained.
# shellcheck disable=SC2154 # name, output and the world's environment
# shellcheck source=/dev/null
. "$(dirname "$0")/testlib.sh"

build=${DANEMILTER_BUILD:?set it to the build folder}
up dnspowerdns --bind "$build" TTL=2
round="$build/tests/dns/dnsround --anchor $WORLD_TRUST_ANCHOR --hints $WORLD_DIR/root-hints --refresh-ms 1000"
said=$WORLD_DIR/tmp/said
key=$WORLD_DIR/pdns-api.key
wrong=$WORLD_DIR/tmp/wrong.key
url=http://$WORLD_PDNS_NS1_4:8081
zone=$WORLD_PDNS_ZONE owner=$WORLD_PDNS_TLSA primary=$WORLD_PDNS_NS1_4
acme=_acme-challenge.mx.$zone

# change [OPTION VALUE]... : dnschange with the right key
change() {
    inside "$build/tests/dns/dnschange" --provider powerdns --url "$url" --api-key "$key" --zone "$zone" "$@"
}

# tells TEXT COMMAND... : the command's output has a line with TEXT, whatever its status
tells() {
    local text=$1
    shift
    "$@" >"$said" 2>&1
    cat "$said"
    grep -qF -- "$text" "$said"
}

# is TEXT COMMAND... : the output's last line is exactly TEXT
is() {
    local text=$1
    shift
    "$@" >"$said" 2>&1
    cat "$said"
    [ "$(tail -n 1 "$said")" = "$text" ]
}

# hides COMMAND... : the API key is not in what it prints
hides() {
    "$@" >"$said" 2>&1
    ! grep -qF -- "$(cat "$key")" "$said"
}

by_hand() {
    { printf 'server %s\nzone %s.\n' "$primary" "$zone" && printf '%s\n' "$@" send; } |
        inside nsupdate -k "$WORLD_TSIG_FILE" -t 5
}

# holds NAME TYPE RDATA... : the primary's RRset is exactly these
holds() {
    local at=$1 type=$2
    shift 2
    [ "$(rrset "$primary" "$at" "$type")" = "$(printf '%s\n' "$@" | sort)" ]
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

# locked COMMAND... : with PowerDNS' database locked by somebody else
locked() {
    local pid status
    coproc LOCK { inside sqlite3 "$WORLD_DIR/pdns/pdns.sqlite3" 2>&1; }
    local in=${LOCK[1]} out=${LOCK[0]}
    pid=$LOCK_PID
    printf 'BEGIN EXCLUSIVE;\nSELECT 1;\n' >&"$in"
    read -r -t 10 _ <&"$out" || return 1
    "$@"
    status=$?
    printf 'ROLLBACK;\n.quit\n' >&"$in"
    wait "$pid"
    return "$status"
}

# metadata SQL : changes PowerDNS' own data
metadata() {
    inside sqlite3 "$WORLD_DIR/pdns/pdns.sqlite3" "$1" && world restart "$name" pdns
}

echo not-the-key >"$wrong"

check "an empty RRset is read" tells "ttl 0 records 0" change "$owner."
check "the first record" is ok change --ttl 2 "$owner." "+$(digest 1)"
check "seen at all four addresses" within 5 everywhere 1
check "somebody else adds one" by_hand "update add $owner. 2 TLSA $(digest 99)"
check "ours comes beside it" is ok change "$owner." "+$(digest 2)"
check "all three are there" holds "$owner" TLSA "$(digest 1)" "$(digest 2)" "$(digest 99)"
check "add and delete in one request" is ok change "$owner." "+$(digest 3)" "-$(digest 1)"
check "the other's is untouched" holds "$owner" TLSA "$(digest 2)" "$(digest 3)" "$(digest 99)"
check "NOTIFY went out: seen at all four addresses at once" within 5 everywhere 3
check "an addition in between: not yet" meanwhile "update add $owner. 2 TLSA $(digest 98)" \
    "$owner." "+$(digest 4)" "-$(digest 2)"
check "and nothing of ours was done" holds "$owner" TLSA "$(digest 2)" "$(digest 3)" "$(digest 98)" "$(digest 99)"
check "a deletion in between: not yet" meanwhile "update delete $owner. TLSA $(digest 98)" \
    "$owner." "+$(digest 4)"
check "and nothing of ours was done" holds "$owner" TLSA "$(digest 2)" "$(digest 3)" "$(digest 99)"
check "the TTL is kept by itself" tells "ttl 2 records 3" change "$owner."
check "another TTL moves the RRset, and is said" tells "goes from 2 to 5" \
    change --ttl 5 "$owner." "+$(digest 5)"
check "the RRset has one TTL" tells "ttl 5 records 4" change "$owner."
check "the last ones go" is ok change "$owner." "-$(digest 2)" "-$(digest 3)" "-$(digest 5)" "-$(digest 99)"
check "the RRset is gone" tells "ttl 0 records 0" change "$owner."
check "the zone is found by itself" is ok change --zone "" --ttl 2 "$owner." "+$(digest 1)"

check "a TXT record" is ok change --ttl 2 --txt-add one-Value_1 "$acme."
check "somebody else's comes beside it" by_hand "update add $acme. 2 TXT \"other words\""
check "a second of ours" is ok change --ttl 2 --txt-add two-Value_2 "$acme."
check "once more is fine" is ok change --ttl 2 --txt-add two-Value_2 "$acme."
check "all three are there" holds "$acme" TXT '"one-Value_1"' '"two-Value_2"' '"other words"'
check "ours goes" is ok change --txt-remove one-Value_1 "$acme."
check "gone already is fine" is ok change --txt-remove one-Value_1 "$acme."
check "the others stay" holds "$acme" TXT '"two-Value_2"' '"other words"'

check "a wrong key is explained" tells "refused: $url: PowerDNS does not take the API key (401)" \
    change --api-key "$wrong" "$owner."
check "an unknown server_id is explained" tells "refused: $url: PowerDNS knows no such zone or server" \
    change --server-id elsewhere "$owner."
check "an unknown zone is explained" tells "refused: $url: PowerDNS knows no such zone or server" \
    change --zone "mx.$zone" "$owner."
check "no zone at all" tells "refused: $url: PowerDNS has no zone that holds" change --zone "" _25._tcp.mx.elsewhere.example.
check "a name that is not in the zone" tells "refused: $owner. is not in the zone other.test." \
    change --zone other.test "$owner."
check "a far http URL is refused" tells "would travel in clear" change --url http://198.18.0.1:8081 "$owner."
check "the API's folder is not the API" tells "refused" change --url "$url/elsewhere" "$owner."
check "a CNAME at the owner" by_hand "update add alias.$zone. 2 CNAME mx.$zone."
check "is refused when read" tells "refused: $url: alias.$zone. is a CNAME" change "alias.$zone."
check "and for TXT" tells "refused: $url: alias.$zone. is a CNAME" change --txt-add abc "alias.$zone."
check "a name that PowerDNS does not like is explained" tells "unsupported characters" \
    change "a+b.$zone." "+$(digest 9)"
check "a locked database is tried again later" locked tells "retry: $url: PowerDNS says 500" \
    change "$owner." "+$(digest 6)"
check "and nothing was done" tells "records 1" change "$owner."
check "a silent API is tried again later" world silence "$name" "$primary"
check "and says so" tells "retry: $url: no answer in time" change --timeout-ms 800 "$owner."
check "it speaks again" world speak "$name" "$primary"
check "and is used again" within 5 tells "records 1" change "$owner."
check "the key is in no message" hides change --api-key "$key" --server-id elsewhere "$owner."

check "a zone without SOA-EDIT-API" metadata "DELETE FROM domainmetadata WHERE kind = 'SOA-EDIT-API'"
check "its serial stands still: said, and how to mend it" tells "pdnsutil set-meta $zone. SOA-EDIT-API" \
    change "$owner." "+$(digest 7)"
check "a native zone, copied by its database" metadata "UPDATE domains SET type = 'NATIVE'"
check "has nobody who waits for a serial: nothing is said" is ok change "$owner." "+$(digest 8)"
check "it is there" holds "$owner" TLSA "$(digest 1)" "$(digest 7)" "$(digest 8)"

finish

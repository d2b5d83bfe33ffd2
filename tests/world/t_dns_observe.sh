#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# A round of observation sees each server as it is: agreeing, lagging, silent, lame, without a
# route, signed wrongly or not at all; and names it.
# shellcheck disable=SC2154 # name, output and the world's environment
# shellcheck source=/dev/null
. "$(dirname "$0")/testlib.sh"

build=${DANEMILTER_BUILD:?set it to the build folder}
up dnsobserve --bind "$build" TTL=2
said=$WORLD_DIR/tmp/said
zones=$WORLD_DIR/tmp/zones

# round [OPTION VALUE]... OWNER [ADDRESS]... : into $said
round() {
    inside "$build/tests/dns/dnsround" --anchor "$WORLD_TRUST_ANCHOR" \
        --hints "$WORLD_DIR/root-hints" --refresh-ms 1000 --udp-ms 400 --udp-tries 2 \
        --tcp-ms 800 "$@" >"$said" 2>&1
}

# counted COUNT PATTERN ARGUMENT... : a round has COUNT lines with PATTERN (an extended expression)
counted() {
    local count=$1 pattern=$2
    shift 2
    round "$@" || true
    [ "$(grep -cE -- "$pattern" "$said")" = "$count" ]
}

# sees: counted, and what the round said; soon: within 10 s
sees() {
    counted "$@"
    local status=$?
    cat "$said"
    return $status
}

soon() {
    within 10 counted "$@"
    local status=$?
    cat "$said"
    return $status
}

# also COUNT PATTERN : the last round had
also() {
    cat "$said"
    [ "$(grep -cE -- "$2" "$said")" = "$1" ]
}

# How long the second round took: the first one pays for a resolver that knows nothing yet.
second_round() {
    sed -n 's/^round 2 took \([0-9]*\) ms$/\1/p' "$said"
}

by_hand() {
    { printf 'server %s\nzone %s.\n' "$WORLD_BIND_NS1_4" "$WORLD_BIND_ZONE" &&
        printf '%s\n' "$@" send; } | inside nsupdate -k "$WORLD_TSIG_FILE" -t 5
}

publish() {
    world tlsa "$name" bind set "$(digest "$1")" && world tlsa "$name" pdns set "$(digest "$1")"
}

hex() {
    printf '%064x' "$1"
}

# --- all is well

check "no records: proven by NSEC, at all four addresses" soon 4 '^ns[12].bind.test \(.*\) NODATA .*sig_until=' "$WORLD_BIND_TLSA"
check "the zone is secure" also 1 '^zone bind.test. SECURE$'
check "no records: proven by NSEC3" soon 4 '^ns[12].pdns.test \(.*\) NODATA .*sig_until=' "$WORLD_PDNS_TLSA"
check "a name that does not exist: NSEC" sees 4 ' NODATA ' _25._tcp.nothing.here.bind.test
check "a name that does not exist: NSEC3" sees 4 ' NODATA ' _25._tcp.nothing.here.pdns.test
check "published" publish 1
for zone in BIND PDNS; do
    owner=WORLD_${zone}_TLSA
    check "${!owner}: seen everywhere" soon 4 "^  TLSA 3 1 1 $(hex 1)$" "${!owner}"
    for at in 1 2; do
        ns=WORLD_${zone}_NS$at four=WORLD_${zone}_NS${at}_4 six=WORLD_${zone}_NS${at}_6
        check "${!ns} is named with its IPv4 address" also 1 "^${!ns} \(${!four}\) RRSET ns_ttl=5 ttl=2 "
        check "${!ns} is named with its IPv6 address" also 1 "^${!ns} \(${!six}\) RRSET ns_ttl=5 ttl=2 "
    done
done
check "through a resolver it is the same" sees 4 ' RRSET ' --forward "$WORLD_RESOLVER4" "$WORLD_BIND_TLSA"
check "ten rounds" sees 1 '^round 10 took' --rounds 10 "$WORLD_BIND_TLSA"
grep '^round' "$said" | awk '{ n++; sum += $4 } END { printf "   %d rounds, %.1f ms each\n", n, sum / n }'

# --- a secondary that lags, is silent, refuses

check "frozen" world freeze "$name"
check "published" publish 2
check "ns1 shows the new, ns2 still the old" soon 2 "^  TLSA 3 1 1 $(hex 2)$" "$WORLD_BIND_TLSA"
check "the old one stands under ns2, twice" also 2 "^  TLSA 3 1 1 $(hex 1)$"
# shellcheck disable=SC2016 # awk's own
check "it is ns2 that shows it" awk -v old="$(hex 1)" \
    '/^ns/ { server = $1 } index($0, old) && server != "ns2.bind.test" { bad = 1 } END { exit bad }' "$said"
check "thawed" world thaw "$name"
check "in step again" soon 4 "^  TLSA 3 1 1 $(hex 2)$" "$WORLD_BIND_TLSA"

check "one address silenced" world silence "$name" "$WORLD_BIND_NS2_4"
check "it is SILENT, by name" sees 1 "^ns2.bind.test \($WORLD_BIND_NS2_4\) SILENT .*: no answer by UDP" \
    --refresh-ms 60000 --rounds 2 "$WORLD_BIND_TLSA"
took=$(second_round)
check "the others are RRSET" also 3 ' RRSET '
check "which ends in time ($took ms)" test "$took" -lt 2400
check "both addresses silenced" world silence "$name" "$WORLD_BIND_NS2_6"
check "both are SILENT" sees 2 ' SILENT ' --refresh-ms 60000 --rounds 2 "$WORLD_BIND_TLSA"
took=$(second_round)
check "two cost the time of one, once that is known ($took ms)" test "$took" -lt 2400
check "all of them" world silence "$name" "$WORLD_BIND_NS1_4"
check "all of them" world silence "$name" "$WORLD_BIND_NS1_6"
check "nothing is known of the zone: again later" sees 1 '^retry: .*took too long' --round-ms 4000 "$WORLD_BIND_TLSA"
check "speaks again" world speak "$name" "$WORLD_BIND_NS1_4"
check "speaks again" world speak "$name" "$WORLD_BIND_NS1_6"
check "speaks again" world speak "$name" "$WORLD_BIND_NS2_4"
check "speaks again" world speak "$name" "$WORLD_BIND_NS2_6"

check "a tight bound on the round holds" world silence "$name" "$WORLD_BIND_NS2_4"
begin=$(now_ms)
check "what is open then is silent" sees 1 'SILENT .*no answer in time' --udp-ms 20000 --round-ms 16000 "$WORLD_BIND_TLSA"
took=$(($(now_ms) - begin))
check "within the bound ($took ms)" test "$took" -lt 40000
check "speaks again" world speak "$name" "$WORLD_BIND_NS2_4"

# outage : a round, then every server silent, then another round of the same observer
outage() {
    local line
    coproc ROUND { inside "$build/tests/dns/dnsround" --anchor "$WORLD_TRUST_ANCHOR" \
        --hints "$WORLD_DIR/root-hints" --refresh-ms 1 --round-ms 6000 --udp-ms 300 --udp-tries 2 \
        --tcp-ms 500 --rounds 2 --wait - "$WORLD_BIND_TLSA" 2>&1; }
    local out=${ROUND[0]} in=${ROUND[1]} pid=$ROUND_PID address
    read -r -t 20 line <&"$out" && [ "${line%% took*}" = "round 1" ] || return 1
    for address in "$WORLD_BIND_NS1_4" "$WORLD_BIND_NS1_6" "$WORLD_BIND_NS2_4" "$WORLD_BIND_NS2_6"; do
        world silence "$name" "$address"
    done
    echo go >&"$in"
    cat <&"$out" >"$said"
    wait "$pid"
    cat "$said"
    for address in "$WORLD_BIND_NS1_4" "$WORLD_BIND_NS1_6" "$WORLD_BIND_NS2_4" "$WORLD_BIND_NS2_6"; do
        world speak "$name" "$address"
    done
    [ "$(grep -cE '^ns[12].bind.test .* SILENT .*no answer by UDP' "$said")" = 4 ]
}
check "a whole outage: the servers known before are asked, and named" outage
check "the zone's state is unknown meanwhile" also 1 '^zone bind.test. UNKNOWN: '
check "all well again" soon 4 ' RRSET ' "$WORLD_BIND_TLSA"

# --- remembered addresses

check "a remembered address without a route is NOROUTE" \
    sees 1 '^198.51.100.9 NOROUTE ns_ttl=0: no route from here' "$WORLD_BIND_TLSA" 198.51.100.9 2001:db8:ffff::9
check "IPv6 without a route too" also 1 '^2001:db8:ffff::9 NOROUTE ns_ttl=0'
check "one that is in the set is asked once, with its name" \
    sees 1 "\($WORLD_BIND_NS2_4\) RRSET" "$WORLD_BIND_TLSA" "$WORLD_BIND_NS2_4"
check "a server that knows the zone only by delegation is lame" \
    sees 1 "^$WORLD_TLD_NS4 CONTRADICTION .*not authoritative" "$WORLD_BIND_TLSA" "$WORLD_TLD_NS4"
check "another zone's server refuses" \
    sees 1 "^$WORLD_PDNS_NS1_4 CONTRADICTION .*says REFUSED" "$WORLD_BIND_TLSA" "$WORLD_PDNS_NS1_4"
check "a host without a name server is SILENT" \
    sees 1 "^$WORLD_SENDER4 SILENT .*refused" "$WORLD_BIND_TLSA" "$WORLD_SENDER4"

# --- large answers

large=()
for i in 1 2 3 4 5 6; do
    large+=("update add large.bind.test. 2 TLSA 3 0 0 $(printf '%0800x' "$i")")
done
check "six whole certificates" by_hand "${large[@]}"
check "come by TCP, to all four" soon 24 '^  TLSA 3 0 0 ' large.bind.test
many=()
for i in $(seq 17); do
    many+=("update add many.bind.test. 2 TLSA $(digest "$i")")
done
check "seventeen records" by_hand "${many[@]}"
check "are too many" soon 4 'CONTRADICTION .*too many TLSA records: 17, at most 16' many.bind.test

# --- CNAME, wildcard, addresses

check "a CNAME to another zone, one in this, a loop" by_hand \
    "update add one.bind.test. 60 CNAME two.bind.test." \
    "update add two.bind.test. 30 CNAME $WORLD_PDNS_TLSA." \
    "update add loop.bind.test. 60 CNAME pool.bind.test." \
    "update add pool.bind.test. 60 CNAME loop.bind.test." \
    "update add *.wild.bind.test. 60 A 192.0.2.41" \
    "update add tame.wild.bind.test. 60 A 192.0.2.41"
check "the chain is followed, TTLs summed" soon 1 "^cname $WORLD_PDNS_TLSA. ttl=90$" one.bind.test
check "to the servers of the other zone" also 4 '^ns[12].pdns.test .* RRSET'
check "a loop is refused" soon 1 '^refused: .*comes back to loop.bind.test.*mend the loop' loop.bind.test
check "a wildcard's host is known" soon 1 '^wildcard yes$' --wildcard any.wild.bind.test
check "a host beside a wildcard is none" sees 1 '^wildcard no$' --wildcard tame.wild.bind.test
check "nor is the mail host" sees 1 '^wildcard no$' --wildcard "$WORLD_BIND_MX"
check "addresses of the mail host" sees 1 "^address $WORLD_BIND_MX4 ttl=2$" --addresses "$WORLD_BIND_MX"
check "of both families" also 1 "^address $WORLD_BIND_MX6 ttl=2$"

# --- the zone's own NS set

check "the zone names a third server" by_hand "update add ns3.bind.test. 2 A 198.51.100.3" \
    "update add bind.test. 2 NS ns3.bind.test."
check "which the parent does not know" soon 1 '^ns3.bind.test \(198.51.100.3\) NOROUTE ns_ttl=2' "$WORLD_BIND_TLSA"
check "no more" by_hand "update delete bind.test. NS ns3.bind.test." "update delete ns3.bind.test."
check "and it is gone" soon 0 'ns3' "$WORLD_BIND_TLSA"

# --- the chain of trust

check "insecure.test: no DS" sees 1 '^zone insecure.test. INSECURE: .*no DS record' _25._tcp.mx.insecure.test
check "its answers are contradictions" also 2 'CONTRADICTION .*no DS record'
check "bogus.test: wrong DS" sees 1 '^zone bogus.test. BOGUS: .*DS records' _25._tcp.mx.bogus.test
check "its answers are contradictions" also 2 'CONTRADICTION .*does not validate'
check "the DS of bind.test goes wrong" world ds "$name" bind wrong
check "seen" soon 1 '^zone bind.test. BOGUS: ' "$WORLD_BIND_TLSA"
check "the servers are found all the same" also 4 '^ns[12].bind.test .* CONTRADICTION'
check "the DS goes away" world ds "$name" bind none
check "seen" soon 1 '^zone bind.test. INSECURE: .*no DS' "$WORLD_BIND_TLSA"
check "the DS is right again" world ds "$name" bind right
check "seen" soon 4 ' RRSET ' "$WORLD_BIND_TLSA"

# --- one server's signatures: a zone made with the real keys, served in place of the secondary

# forge WHAT : the zone as ns2 will serve it
forge() {
    local begin=-1hour end=+10days file=$zones/bind.test.signed
    [ "$1" != expired ] || begin=-10days end=-1minute
    begin=$(date -u -d "$begin" +%Y%m%d%H%M%S) end=$(date -u -d "$end" +%Y%m%d%H%M%S)
    rm -f "$file"
    inside dnssec-signzone -q -z -P -S -O full -K "$WORLD_DIR/bind/keys" -d "$zones" -s "$begin" \
        -e "$end" -o bind.test -f "$file" "$zones/plain" || return 1
    case $1 in
    altered) sed -i -E '/[[:space:]]TLSA[[:space:]]+3 1 1 /s/2$/9/' "$file" && grep -q '0009$' "$file" ;;
    unsigned) cp "$zones/plain" "$file" ;;
    esac
}

# serve WHAT : ns2 is now a server with that zone
serve() {
    forge "$1" && world stop "$name" secondary && inside named -c "$zones/named.conf" -u root
}

end_forger() {
    local pid
    pid=$(cat "$zones/pid") && inside kill "$pid" && within 10 differs inside kill -0 "$pid"
}

mkdir -p "$zones"
cat >"$zones/named.conf" <<CONF
options {
    directory "$zones"; pid-file "$zones/pid"; session-keyfile none;
    listen-on { $WORLD_BIND_NS2_4; }; listen-on-v6 { $WORLD_BIND_NS2_6; };
    recursion no; dnssec-validation no; notify no; empty-zones-enable no;
};
zone "bind.test" { type primary; file "bind.test.signed"; };
CONF
inside kdig "@$WORLD_BIND_NS1_4" bind.test AXFR |
    awk '$1 !~ /^;/ && NF > 4 && $4 !~ /^(RRSIG|NSEC|DNSKEY|CDS|CDNSKEY|TYPE65534)$/ && !soa[$4 == "SOA" ? 1 : NR]++' \
        >"$zones/plain"
check "a zone to forge" grep -q TLSA "$zones/plain"
for what in good expired altered unsigned; do
    case $what in
        good) expect='RRSET' ;;
        expired) expect='CONTRADICTION .*does not validate: signature expired' ;;
        altered) expect='CONTRADICTION .*does not validate: .*signature (verification|crypto) failed' ;;
        unsigned) expect='CONTRADICTION .*without a signature' ;;
    esac
    check "ns2 with a zone that is $what" serve "$what"
    check "is seen as such" soon 2 "^ns2.bind.test .*$expect" "$WORLD_BIND_TLSA"
    check "and ns1 as good" also 2 '^ns1.bind.test .*RRSET'
    [ "$what" = good ] || [ "$what" = altered ] ||
        check "its denial is $what too" sees 2 "^ns2.bind.test .*CONTRADICTION .*(expired|without a signature)" \
            _25._tcp.nothing.bind.test
    check "it ends" end_forger
done

finish

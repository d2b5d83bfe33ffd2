#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The world comes up, and each of its services does what the other tests build on.
# shellcheck disable=SC2154 # name, world_folder and output are of testlib.sh
# shellcheck source=/dev/null
. "$(dirname "$0")/testlib.sh"

up up TTL=2

check "Postfix's log has room for a flood of lines" test "$(inside cat /proc/sys/net/unix/max_dgram_qlen)" -ge 4096

# --- names: chain of trust, both families, real caches, bogus data noticed

for server in "$WORLD_ROOT_NS4" "$WORLD_ROOT_NS6"; do
    check "the root at $server knows test." test -n "$(rrset "$server" test. DS)"
done
for zone in bind pdns; do
    for n in BIND PDNS; do
        [ "${n,,}" != $zone ] || for which in NS1_4 NS1_6 NS2_4 NS2_6; do
            address=WORLD_${n}_$which
            check "$zone.test at ${!address}" \
                test "$(rrset "${!address}" "mx.$zone.test." A)" = "$(eval "echo \$WORLD_${n}_MX4")"
        done
    done
    check "mx.$zone.test validates over IPv4" validated "$WORLD_RESOLVER4" "mx.$zone.test." A
    check "mx.$zone.test validates over IPv6" validated "$WORLD_RESOLVER6" "mx.$zone.test." AAAA
    check "the CA's resolver validates $zone.test" validated "$WORLD_CA_RESOLVER4" "$zone.test." MX
    check "no TLSA yet in $zone.test" \
        test "$(rcode "$WORLD_RESOLVER4" "_25._tcp.mx.$zone.test." TLSA)" = NXDOMAIN
done
check "insecure.test answers, but not validated" differs validated "$WORLD_RESOLVER4" mx.insecure.test. A
check "insecure.test answers" test -n "$(rrset "$WORLD_RESOLVER4" mx.insecure.test. A)"
check "bogus.test is SERVFAIL" test "$(rcode "$WORLD_RESOLVER4" mx.bogus.test. A)" = SERVFAIL
check "the exported trust anchor is the root's key" \
    grep -qF "$(rrset "$WORLD_ROOT_NS4" . DNSKEY | cut -d' ' -f1-3)" "$WORLD_TRUST_ANCHOR"

# --- updates reach the secondaries

tsig_update() {
    inside nsupdate -k "$WORLD_TSIG_FILE" -t 5 <<UPDATE
server $1
zone $2.
update delete _25._tcp.mx.$2. TLSA
update add _25._tcp.mx.$2. 2 TLSA $(digest "$3")
send
UPDATE
}
check "RFC 2136 update at BIND" tsig_update "$WORLD_BIND_NS1_4" bind.test 1
check "seen at BIND's secondary" within 3 shows "$WORLD_BIND_NS2_4" "$WORLD_BIND_TLSA" "$(digest 1)"
check "RFC 2136 update at PowerDNS" tsig_update "$WORLD_PDNS_NS1_4" pdns.test 2
check "seen at PowerDNS' secondary" within 3 shows "$WORLD_PDNS_NS2_4" "$WORLD_PDNS_TLSA" "$(digest 2)"
check "API PATCH and notify" world tlsa "$name" pdns set "$(digest 3)"
check "seen at PowerDNS' secondary" within 3 shows "$WORLD_PDNS_NS2_6" "$WORLD_PDNS_TLSA" "$(digest 3)"
check "TLSA validates in bind.test" validated "$WORLD_CA_RESOLVER4" "$WORLD_BIND_TLSA" TLSA
check "TLSA validates in pdns.test" validated "$WORLD_CA_RESOLVER4" "$WORLD_PDNS_TLSA" TLSA

update_refused() {
    local key=$WORLD_DIR/tmp/wrong.key said
    sed 's/secret "[^"]*"/secret "d3Jvbmcgc2VjcmV0IQ=="/' "$WORLD_TSIG_FILE" >"$key"
    said=$(printf 'server %s\nzone bind.test.\nupdate add x.bind.test. 2 A 192.0.2.1\nsend\n' \
        "$WORLD_BIND_NS1_4" | inside nsupdate -k "$key" -t 5 2>&1)
    echo "$said"
    [[ $said == *BADSIG* ]] && [ -z "$(rrset "$WORLD_BIND_NS1_4" x.bind.test. A)" ]
}
check "BIND refuses another key" update_refused

# Within one TTL the senders' resolver still gives the old data, the CA's never does.
caches_are_real() {
    local try begin old new
    for try in 1 2 3 4 5; do
        world flush "$name"
        begin=$(now_ms)
        rrset "$WORLD_RESOLVER4" "$WORLD_BIND_TLSA" TLSA
        tsig_update "$WORLD_BIND_NS1_4" bind.test "1$try"
        within 1 shows "$WORLD_BIND_NS2_4" "$WORLD_BIND_TLSA" "$(digest "1$try")"
        old=$(rrset "$WORLD_RESOLVER4" "$WORLD_BIND_TLSA" TLSA)
        new=$(rrset "$WORLD_CA_RESOLVER4" "$WORLD_BIND_TLSA" TLSA)
        # On a machine too busy to ask all this within the TTL, ask once more.
        [ $(($(now_ms) - begin)) -ge 1800 ] || break
    done
    echo "old: $old; new: $new; try $try"
    [ "$new" = "$(digest "1$try")" ] && [ -n "$old" ] && [ "$old" != "$new" ] &&
        within 4 shows "$WORLD_RESOLVER4" "$WORLD_BIND_TLSA" "$new"
}
check "caches are real" caches_are_real

status_is() {
    [ "$(rcode "$WORLD_CA_RESOLVER4" mx.bind.test. A)" = "$1" ]
}
check "a wrong DS" world ds "$name" bind wrong
check "makes bind.test bogus" within 5 status_is SERVFAIL
check "no DS" world ds "$name" bind none
check "makes bind.test insecure" within 5 status_is NOERROR
check "and not validated" differs validated "$WORLD_CA_RESOLVER4" mx.bind.test. A
check "the right DS" world ds "$name" bind right
check "mends it" within 5 validated "$WORLD_CA_RESOLVER4" mx.bind.test. A

# --- the ACME server

acme_directory() {
    inside curl -sS --fail --cacert "$WORLD_PEBBLE_CA" "$WORLD_PEBBLE_DIRECTORY" | grep newNonce
}
check "pebble's directory, by name and over TLS" acme_directory

# --- mail: served chain, verdict of a DANE sender

served() {
    inside timeout 5 openssl s_client -starttls smtp -connect "$1:25" -sigalgs "$2" </dev/null |
        openssl x509 -pubkey -noout | openssl pkey -pubin -outform DER | openssl sha256 -r |
        cut -d' ' -f1
}
chain_keys() {
    openssl crl2pkcs7 -nocrl -certfile "$1" | openssl pkcs7 -print_certs | grep -c subject
}
serves_what_tlsa_says() {
    local want got
    want=$(world tlsa "$name" "$1" show | awk '{ print tolower($NF) }')
    got=$(served "$2" "$3")
    echo "served: $got, published: $want"
    [ -n "$got" ] && [[ $want == *"$got"* ]]
}
for zone in BIND PDNS; do
    chain=WORLD_${zone}_CHAIN mx4=WORLD_${zone}_MX4 mx6=WORLD_${zone}_MX6
    check "two certificates in the chain file of $zone" test "$(chain_keys "${!chain}")" = 2
    check "TLSA records of the served keys in $zone" world tlsa "$name" "${zone,,}" right
    for algorithm in ECDSA+SHA256 RSA-PSS+SHA256; do
        for address in "${!mx4}" "[${!mx6}]"; do
            check "$algorithm at $address is what TLSA says" \
                serves_what_tlsa_says "${zone,,}" "$address" $algorithm
        done
    done
done

# sends ZONE N WANTED : N mails, and the verdict must hold the words WANTED
sends() {
    local mark got word
    world flush "$name"
    # A Postfix process keeps TLSA results of its own.
    inside postfix -c "$WORLD_SENDER_POSTFIX" reload
    mark=$(world mark "$name")
    world send "$name" "$1" "$2"
    got=$(world verdict "$name" --wait 20 "$mark")
    echo "$got"
    for word in $3; do
        [[ " $got " == *" $word "* ]] || return 1
    done
}
# The sender may ask the secondary, which may still show the wrong records of above.
follows() { # follows PRIMARY SECONDARY OWNER
    [ "$(rrset "$2" "$3" TLSA)" = "$(rrset "$1" "$3" TLSA)" ]
}
for zone in BIND PDNS; do
    ns1=WORLD_${zone}_NS1_4 ns2=WORLD_${zone}_NS2_4 owner=WORLD_${zone}_TLSA
    check "$zone: the secondary follows" within 10 follows "${!ns1}" "${!ns2}" "${!owner}"
done
check "mail to bind.test is Verified" sends bind.test 3 "messages=3 sent=3 deferred=0 verified=3"
check "mail to pdns.test is Verified" sends pdns.test 3 "messages=3 sent=3 deferred=0 verified=3"
check "the receiver saw TLS" grep -q 'TLS connection established' "$WORLD_BIND_MAILLOG"
check "a wrong TLSA record" world tlsa "$name" bind set "$(digest 9)"
check "seen at the secondary" within 3 shows "$WORLD_BIND_NS2_4" "$WORLD_BIND_TLSA" "$(digest 9)"
check "mail is deferred as Untrusted" sends bind.test 2 "messages=2 sent=0 deferred=2 untrusted=2"
check "because nothing matches" grep -q 'no matching DANE TLSA records' "$WORLD_SENDER_MAILLOG"
check "no TLSA record" world tlsa "$name" bind none
gone_at_secondary() { [ "$(rcode "$WORLD_BIND_NS2_4" "$WORLD_BIND_TLSA" TLSA)" = NXDOMAIN ]; }
check "none at the secondary" within 3 gone_at_secondary
check "mail goes, encrypted but unverified" sends bind.test 2 "messages=2 sent=2 deferred=0 verified=0"
queue_empty() { [ -z "$(inside postqueue -c "$WORLD_SENDER_POSTFIX" -j)" ]; }
check "deferred mail is delivered after all" within 20 queue_empty

# --- Postfix takes a new chain by reload

new_chain() {
    local before after
    before=$(served "$WORLD_BIND_MX4" ECDSA+SHA256)
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=new \
        -keyout "$WORLD_BIND_CHAIN.key" -out "$WORLD_BIND_CHAIN.crt"
    (umask 077 && cat "$WORLD_BIND_CHAIN.key" "$WORLD_BIND_CHAIN.crt" >"$WORLD_BIND_CHAIN.new")
    mv "$WORLD_BIND_CHAIN.new" "$WORLD_BIND_CHAIN"
    inside postfix -c "$WORLD_BIND_POSTFIX" reload
    after=$(openssl pkey -in "$WORLD_BIND_CHAIN.key" -pubout -outform DER | openssl sha256 -r |
        cut -d' ' -f1)
    [ "$before" != "$after" ] && within 5 serves "$WORLD_BIND_MX4" "$after"
}
serves() { [ "$(served "$1" ECDSA+SHA256)" = "$2" ]; }
check "postfix reload takes a new chain file" new_chain

# --- every service can be stopped and started by itself

for service in root tld bind pdns secondary resolver ca-resolver pebble mx-bind mx-pdns sender; do
    check "restart of $service" world restart "$name" $service
done
all_up() { ! world status "$name" | grep -vE ' up$|^secondary: '; }
check "all are up" within 5 all_up
finish

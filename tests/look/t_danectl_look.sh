#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# danectl probe, tlsa and check in the mail world: what is right, and each thing that is not.
# shellcheck disable=SC2154 # name, output and the world's environment
# shellcheck source=/dev/null
. "$(dirname "$0")/../world/testlib.sh"

build=${DANEMILTER_BUILD:?set it to the build folder}
up look --bind "$build" TTL=2 TLSA=right
conf=$WORLD_DIR/tmp/danemilter.conf
other='3 1 1 00000000000000000000000000000000000000000000000000000000000000aa'

write_conf() {
    cat >"$conf" <<END
state_dir = "$WORLD_DIR/tmp/state"
run_dir = "$WORLD_DIR/tmp/run"
user = root
notify = "postmaster@bind.test"
trust_anchor = "$WORLD_TRUST_ANCHOR"
resolver = "$WORLD_CA_RESOLVER4"
acme "pebble" {
    directory = "$WORLD_PEBBLE_DIRECTORY"
    ca_file = "$WORLD_PEBBLE_CA"
    agree = yes
}
dns "primary" {
    server = "$WORLD_BIND_NS1_4"
    zone = "$WORLD_BIND_ZONE"
    key_file = "${1:-$WORLD_TSIG_FILE}"
}
certificate "mx" {
    names = "${2:-$WORLD_BIND_MX}"
    keys = { p256, rsa2048 }
    issuer = acme
    ca = pebble
    chain_file = "$WORLD_BIND_CHAIN"
    tlsa { hosts = "$WORLD_BIND_MX" ttl = 2 dns = primary }
    deploy { postfix_config = "$WORLD_BIND_POSTFIX" }
}
END
}

# says STATUS PATTERN ARGUMENT... : danectl's exit status, and a line of its output
says() {
    local want=$1 pattern=$2 status
    shift 2
    inside "$build/danectl" -c "$conf" "$@" >"$WORLD_DIR/tmp/said" 2>&1
    status=$?
    cat "$WORLD_DIR/tmp/said"
    [ "$status" = "$want" ] && grep -Eq -- "$pattern" "$WORLD_DIR/tmp/said"
}

soon() { within 15 says "$@"; }

without() { ! grep -Eq -- "$1" "$WORLD_DIR/tmp/said"; }

bare_probe() {
    inside "$build/danectl" -c /nonexistent probe -a "$WORLD_TRUST_ANCHOR" \
        -r "$WORLD_CA_RESOLVER4" "$WORLD_BIND_MX" | grep '^verified: ' >/dev/null
}

json_probe() {
    inside "$build/danectl" -c "$conf" probe --json "$WORLD_BIND_MX" >"$WORLD_DIR/tmp/said"
    python3 -c 'import json, sys
o = json.load(open(sys.argv[1]))
assert o["verdict"] == "verified" and o["delivers"] is True
assert len(o["addresses"]) == 2 and len(o["handshakes"]) == 8
assert sum(h["state"] == "verified" for h in o["handshakes"]) == 6' "$WORLD_DIR/tmp/said"
}

zone_serial() { inside dig +short SOA "$WORLD_BIND_ZONE" "@$WORLD_BIND_NS1_4"; }

chmod 0600 "$WORLD_BIND_CHAIN"
write_conf
check "probe: verified" soon 0 '^verified: ' probe "$WORLD_BIND_MX"
check "probe: without a configuration" bare_probe
check "probe: as JSON" json_probe
check "probe: a mail domain is told from a host" says 1 'MX records name the hosts' probe \
    "$WORLD_BIND_ZONE"
check "probe: an unsigned zone" says 3 '^insecure: ' probe mx.insecure.test
check "probe: a zone with a wrong DS is no host to deliver to" differs says 0 . probe mx.bogus.test
check "probe: nothing answers on that port" says 3 '^not reached|^no TLSA' probe "$WORLD_BIND_MX:26"

before=$(zone_serial)
check "check: nothing fails" says 3 'with warn$' check
check "check: really nothing" without '^FAIL'
check "check: changes nothing" test "$before" = "$(zone_serial)"
check "tlsa: as it should be" says 0 'as it should be \(2 records' tlsa mx

world tlsa "$name" "$WORLD_BIND_ZONE" set "$other" || exit 1
check "probe: mismatch" soon 3 '^mismatch: ' probe "$WORLD_BIND_MX"
check "tlsa: what misses and what is extra" soon 3 "extra: +$other" tlsa
check "check: somebody else's record" soon 3 'warn .*matches nothing in the chain file' check
world tlsa "$name" "$WORLD_BIND_ZONE" set '1 1 1 00' || exit 1
check "probe: unusable" soon 3 '^unusable: ' probe "$WORLD_BIND_MX"
check "check: usage 1" soon 1 'FAIL .*has usage 1' check
world tlsa "$name" "$WORLD_BIND_ZONE" right || exit 1
check "probe: well again" soon 0 '^verified: ' probe "$WORLD_BIND_MX"

world silence "$name" secondary || exit 1
check "check: a silent name server" says 1 'FAIL .*ns2.*does not answer' check
world thaw "$name" || exit 1
sed 's/secret ".*"/secret "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="/' "$WORLD_TSIG_FILE" \
    >"$WORLD_DIR/tmp/wrong.key" && chmod 0600 "$WORLD_DIR/tmp/wrong.key"
write_conf "$WORLD_DIR/tmp/wrong.key"
check "check: a wrong TSIG key" says 1 'FAIL  dns "primary"' check
chmod 0644 "$WORLD_DIR/tmp/wrong.key"
check "check: a key that others can read" says 1 'FAIL .*lets others read it' check
write_conf "" mx.pdns.test
check "check: no provider for a challenge" says 1 'FAIL  _acme-challenge.mx.pdns.test' check
write_conf
inside postconf -c "$WORLD_BIND_POSTFIX" -e smtpd_tls_chain_files=/elsewhere.pem || exit 1
check "check: main.cf points elsewhere" says 1 'FAIL  Postfix .*elsewhere' check
finish

# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash disable=SC2154
# The name servers: signed root and TLD (Knot), the primaries of the two mail zones (BIND,
# PowerDNS), their common secondary (Knot), and two unbounds. Sourced inside.

# --- zone data

mail_zone() {
    local zone=$1 primary=$2 secondary=$3 mx=$4
    cat <<ZONE
\$ORIGIN $zone.
\$TTL $TTL
@ SOA ns1 hostmaster 1 60 2 86400 $TTL
@ NS ns1
@ NS ns2
@ MX 10 mx
ns1 A $(a4 "$primary")
ns1 AAAA $(a6 "$primary")
ns2 A $(a4 "$secondary")
ns2 AAAA $(a6 "$secondary")
mx A $(a4 "$mx")
mx AAAA $(a6 "$mx")
ZONE
}

delegation() {
    local label=$1 primary=$2 secondary=$3
    cat <<ZONE
$label NS ns1.$label
$label NS ns2.$label
ns1.$label A $(a4 "$primary")
ns1.$label AAAA $(a6 "$primary")
ns2.$label A $(a4 "$secondary")
ns2.$label AAAA $(a6 "$secondary")
ZONE
    sed "s/^/$label DS /" "$DIR/$label/ds"
}

WRONG_DS="12345 13 2 00000000000000000000000000000000000000000000000000000000deadbeef"

tld_zone() {
    local label
    cat <<ZONE
\$ORIGIN test.
\$TTL $TLD_TTL
@ SOA a.nic hostmaster.nic 1 60 2 86400 $TTL
@ NS a.nic
a.nic A $TLD4
a.nic AAAA $TLD6
acme A $PEBBLE4
acme AAAA $PEBBLE6
sender A $SENDER4
sender AAAA $SENDER6
ZONE
    delegation bind "$N_BIND" "$N_SEC_BIND"
    delegation pdns "$N_PDNS" "$N_SEC_PDNS"
    for label in insecure bogus; do
        printf '%s NS a.nic\n' "$label"
    done
    printf 'bogus DS %s\n' "$WRONG_DS"
}

# insecure.test has no DS, bogus.test a wrong one; both are served unsigned by the TLD's server.
unsigned_zone() {
    cat <<ZONE
\$ORIGIN $1.
\$TTL $TTL
@ SOA a.nic.test. hostmaster 1 60 2 86400 $TTL
@ NS a.nic.test.
@ MX 10 mx
mx A $MX_BIND4
mx AAAA $MX_BIND6
_25._tcp.mx TLSA 3 1 1 0000000000000000000000000000000000000000000000000000000000000000
ZONE
}

root_zone() {
    cat <<ZONE
\$ORIGIN .
\$TTL $TLD_TTL
@ SOA a.root-ns. hostmaster.root-ns. 1 60 2 86400 $TTL
@ NS a.root-ns.
a.root-ns. A $ROOT4
a.root-ns. AAAA $ROOT6
test. NS a.nic.test.
a.nic.test. A $TLD4
a.nic.test. AAAA $TLD6
ZONE
    sed "s/^/test. DS /" "$DIR/tld/ds"
}

# --- Knot

# knot_base SERVICE ADDRESS-NUMBER... : what all three instances share
knot_base() {
    local folder=$DIR/$1 listen='' n
    shift
    for n in "$@"; do
        listen="$listen${listen:+, }$(a4 "$n")@53, $(a6 "$n")@53"
    done
    cat <<CONF
server:
    rundir: "$folder"
    listen: [ $listen ]
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
    automatic-acl: off
control:
    listen: "$folder/control"
log:
  - target: stdout
    any: info
database:
    storage: "$folder"
    journal-db-max-size: 32M
    kasp-db-max-size: 8M
    timer-db-max-size: 4M
policy:
  - id: world
    manual: on
    single-type-signing: on
    algorithm: ecdsap256sha256
    dnskey-ttl: $TLD_TTL
    zone-max-ttl: 3600
    propagation-delay: 1
    rrsig-lifetime: 14d
    rrsig-refresh: 7d
    cds-cdnskey-publish: none
template:
  - id: default
    storage: "$folder"
    file: "%s.zone"
  - id: signed
    storage: "$folder"
    file: "%s.zone"
    zonefile-sync: -1
    zonefile-load: difference-no-serial
    journal-content: all
    serial-policy: increment
    dnssec-signing: on
    dnssec-policy: world
CONF
}

knot_key() {
    local service=$1 zone=$2 conf=$DIR/$1/knot.conf
    keymgr -c "$conf" "$zone" generate algorithm=ecdsap256sha256 ksk=yes zsk=yes \
        >>"$(log_of "$service")" 2>&1
    keymgr -c "$conf" "$zone" ds | sed -n 's/.* DS \([0-9]* [0-9]* 2 .*\)/\1/p' >"$DIR/$service/ds"
    [ -s "$DIR/$service/ds" ] || die "$service: keymgr gave no DS; see $(log_of "$service")"
}

knotc_on() {
    local service=$1
    shift
    knotc -s "$DIR/$service/control" -t 10 "$@" >>"$(log_of "$service")" 2>&1
}

start_knot() {
    spawn "$1" knotd -c "$DIR/$1/knot.conf"
}

make_root() {
    {
        knot_base root "$N_ROOT"
        printf 'zone:\n  - domain: .\n    file: "root.zone"\n    template: signed\n'
    } >"$DIR/root/knot.conf"
    knot_key root .
    keymgr -c "$DIR/root/knot.conf" . dnskey >"$DIR/trust-anchor"
}
start_root() { root_zone >"$DIR/root/root.zone" && start_knot root; }
ask_root() { signed_answer "@$ROOT4" test. DS && signed_answer "@$ROOT6" . NS; }

make_tld() {
    {
        knot_base tld "$N_TLD"
        printf 'zone:\n  - domain: test.\n    template: signed\n'
        printf '  - domain: insecure.test.\n  - domain: bogus.test.\n'
    } >"$DIR/tld/knot.conf"
    unsigned_zone insecure.test >"$DIR/tld/insecure.test.zone"
    unsigned_zone bogus.test >"$DIR/tld/bogus.test.zone"
    knot_key tld test.
}
start_tld() { tld_zone >"$DIR/tld/test.zone" && start_knot tld; }
ask_tld() { signed_answer "@$TLD4" bind.test. DS && signed_answer "@$TLD6" test. NS; }

# ds_set ZONE right|wrong|none : the delegation's DS, live
ds_set() {
    local key rdata=
    key=$(zone_key "$1")
    case "$2" in
        right) rdata=$(<"$DIR/$key/ds") ;;
        wrong) rdata=$WRONG_DS ;;
        none) ;;
        *) die "ds: right, wrong or none" ;;
    esac
    knotc_on tld zone-begin test. || die "ds: no transaction on test.; see $(log_of tld)"
    # Removing what is not there is no error here: `none` twice.
    knotc_on tld zone-unset test. "$key" DS || :
    [ -z "$rdata" ] || knotc_on tld zone-set test. "$key" "$TLD_TTL" DS "$rdata"
    # An unchanged zone has nothing to commit.
    knotc_on tld zone-commit test. || knotc_on tld zone-abort test.
    # Unbound remembers for 60 s that a zone's key was bogus or missing, whatever TTLs and cache
    # sizes say. The CA's has to have no memory; the senders' keeps it, as senders' do.
    unbound_control ca-resolver flush_zone "$key.test."
}

# --- BIND

make_bind() {
    local folder=$DIR/bind secret=$1 key
    mkdir "$folder/keys"
    tsig_key "$secret" >"$DIR/tsig.key"
    tsig_key "$secret" rndc >"$folder/rndc.key"
    mail_zone bind.test "$N_BIND" "$N_SEC_BIND" "$N_MX_BIND" >"$folder/bind.test.zone"
    cat >"$folder/named.conf" <<CONF
include "$DIR/tsig.key";
include "$folder/rndc.key";
options {
    directory "$folder";
    pid-file "$folder/named.pid";
    session-keyfile none;
    listen-on { $BIND4; };
    listen-on-v6 { $BIND6; };
    notify-source $BIND4;
    transfer-source $BIND4;
    recursion no;
    dnssec-validation no;
    empty-zones-enable no;
    allow-transfer { 192.0.2.0/24; 2001:db8::/64; };
    notify explicit;
    also-notify { $SEC_BIND4; };
    notify-delay 0;
    serial-query-rate 100;
    startup-notify-rate 100;
};
controls { inet $BIND4 allow { any; } keys { rndc; }; };
dnssec-policy world {
    keys { csk key-directory lifetime unlimited algorithm ecdsap256sha256; };
    dnskey-ttl $TTL;
    max-zone-ttl 3600;
    publish-safety 1;
    retire-safety 1;
    zone-propagation-delay 1;
    signatures-validity 14d;
    signatures-refresh 5d;
};
zone "bind.test" {
    type primary;
    file "bind.test.zone";
    key-directory "$folder/keys";
    dnssec-policy world;
    inline-signing no;
    update-policy { grant $TSIG_NAME zonesub ANY; };
};
CONF
    key=$(dnssec-keygen -q -K "$folder/keys" -k world -l "$folder/named.conf" bind.test \
        2>>"$(log_of bind)") || die "bind: dnssec-keygen made no key; see $(log_of bind)"
    dnssec-dsfromkey -2 "$folder/keys/$key" | sed 's/.* DS //' >"$folder/ds"
    [ -s "$folder/ds" ] || die "bind: dnssec-dsfromkey gave no DS for $key"
}

tsig_key() {
    printf 'key "%s" {\n    algorithm %s;\n    secret "%s";\n};\n' \
        "${2:-$TSIG_NAME}" "$TSIG_ALGORITHM" "$1"
}

start_bind() { spawn bind named -g -n 1 -c "$DIR/bind/named.conf"; }
ask_bind() {
    signed_answer "@$BIND4" bind.test. SOA && signed_answer "@$BIND6" bind.test. MX
}

# --- PowerDNS

PDNS_SCHEMA=/usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql

pdns_conf() {
    cat <<CONF
launch=gsqlite3
gsqlite3-database=$DIR/pdns/pdns.sqlite3
gsqlite3-dnssec=yes
local-address=$PDNS4, $PDNS6
query-local-address=$PDNS4, $PDNS6
socket-dir=$DIR/pdns
primary=yes
also-notify=$SEC_PDNS4
only-notify=
allow-axfr-ips=192.0.2.0/24, 2001:db8::/64
dnsupdate=yes
allow-dnsupdate-from=192.0.2.0/24, 2001:db8::/64
api=yes
api-key=$(<"$DIR/pdns-api.key")
webserver=yes
webserver-address=$PDNS4
webserver-port=8081
webserver-allow-from=192.0.2.0/24
receiver-threads=1
distributor-threads=1
signing-threads=1
retrieval-threads=1
security-poll-suffix=
version-string=anonymous
CONF
}

make_pdns() {
    local folder=$DIR/pdns secret=$1 log
    log=$(log_of pdns)
    pdns_conf >"$folder/pdns.conf"
    mail_zone pdns.test "$N_PDNS" "$N_SEC_PDNS" "$N_MX_PDNS" >"$folder/pdns.test.zone"
    sqlite3 "$folder/pdns.sqlite3" <"$PDNS_SCHEMA"
    {
        pdns_util load-zone pdns.test "$folder/pdns.test.zone"
        pdns_util secure-zone pdns.test
        pdns_util set-nsec3 pdns.test '1 0 0 -'
        sqlite3 "$folder/pdns.sqlite3"
        pdns_util rectify-zone pdns.test
    } >>"$log" 2>&1 <<SQL || die "pdns: the zone could not be made; see $log"
UPDATE domains SET type = 'MASTER';
INSERT INTO tsigkeys (name, algorithm, secret)
    VALUES ('${TSIG_NAME%.}', '$TSIG_ALGORITHM', '$secret');
INSERT INTO domainmetadata (domain_id, kind, content)
    SELECT id, 'TSIG-ALLOW-DNSUPDATE', '${TSIG_NAME%.}' FROM domains
    UNION SELECT id, 'NOTIFY-DNSUPDATE', '1' FROM domains
    UNION SELECT id, 'SOA-EDIT-DNSUPDATE', 'INCREASE' FROM domains
    UNION SELECT id, 'SOA-EDIT-API', 'INCREASE' FROM domains;
SQL
    pdns_util export-zone-ds pdns.test 2>>"$log" |
        sed -n 's/.*[[:space:]]DS[[:space:]]\([0-9]* [0-9]* 2 [0-9a-fA-F]*\).*/\1/p' >"$folder/ds"
    [ -s "$folder/ds" ] || die "pdns: pdnsutil gave no DS; see $log"
}

pdns_util() {
    # Its standard input is not ours to give away.
    pdnsutil --config-dir="$DIR/pdns" "$@" </dev/null
}

start_pdns() {
    spawn pdns pdns_server --config-dir="$DIR/pdns" --daemon=no --guardian=no \
        --disable-syslog --log-timestamp=yes
}
ask_pdns() {
    signed_answer "@$PDNS4" pdns.test. SOA &&
        signed_answer "@$PDNS6" pdns.test. MX &&
        pdns_api zones/pdns.test.
}

# pdns_api PATH [CURL-OPTION...] : the key comes from a file, never from the command line
pdns_api() {
    local path=$1
    shift
    curl -sS --fail-with-body --max-time 5 --config "$DIR/pdns/api.curl" "$@" \
        "http://${PDNS4}:8081/api/v1/servers/localhost/$path"
}

# --- unbound

unbound_conf() {
    local service=$1 n=$2 folder=$DIR/$1
    cat <<CONF
server:
    directory: "$folder"
    chroot: ""
    username: ""
    pidfile: "$folder/unbound.pid"
    use-syslog: no
    verbosity: 1
    val-log-level: 2
    num-threads: 1
    interface: $(a4 "$n")
    interface: $(a6 "$n")
    outgoing-interface: $(a4 "$n")
    outgoing-interface: $(a6 "$n")
    access-control: 192.0.2.0/24 allow
    access-control: 2001:db8::/64 allow
    access-control: 127.0.0.0/8 allow
    root-hints: "$DIR/root-hints"
    trust-anchor-file: "$DIR/trust-anchor"
    trust-anchor-signaling: no
    local-zone: "test." nodefault
    do-not-query-localhost: no
    val-bogus-ttl: 1
    serve-expired: no
    infra-host-ttl: 30
    infra-keep-probing: yes
    msg-cache-size: 4m
    rrset-cache-size: 8m
CONF
    if [ "$service" = ca-resolver ]; then
        printf '    cache-max-ttl: 0\n    cache-max-negative-ttl: 0\n'
    fi
    cat <<CONF
remote-control:
    control-enable: yes
    control-interface: "$folder/control"
    control-use-cert: no
CONF
}

make_resolver() {
    printf '. 3600000 NS a.root-ns.\na.root-ns. 3600000 A %s\na.root-ns. 3600000 AAAA %s\n' \
        "$ROOT4" "$ROOT6" >"$DIR/root-hints"
    unbound_conf resolver "$N_RESOLVER" >"$DIR/resolver/unbound.conf"
}
make_ca_resolver() { unbound_conf ca-resolver "$N_CA_RESOLVER" >"$DIR/ca-resolver/unbound.conf"; }
start_resolver() { spawn resolver unbound -d -c "$DIR/resolver/unbound.conf"; }
start_ca_resolver() { spawn ca-resolver unbound -d -c "$DIR/ca-resolver/unbound.conf"; }
ask_resolver() { ask_unbound "$N_RESOLVER"; }
ask_ca_resolver() { ask_unbound "$N_CA_RESOLVER"; }

unbound_control() {
    local service=$1
    shift
    unbound-control -q -c "$DIR/$service/unbound.conf" "$@"
}

# Validated answers for both mail zones, over IPv4 and IPv6.
ask_unbound() {
    validated "$(a4 "$1")" mx.bind.test. A && validated "$(a6 "$1")" mx.pdns.test. AAAA
}

# validated RESOLVER NAME TYPE : NOERROR with AD and at least one answer
validated() {
    kdig +time=3 +retry=1 +dnssec "@$1" "$2" "$3" | awk -f "$here/validated.awk"
}

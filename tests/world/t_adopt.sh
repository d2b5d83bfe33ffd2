#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# danectl adopt takes over a Postfix as people have it: separate files, certbot's links, keys that
# `postfix tls` made; what it refuses; the way back; and the daemon that begins with what is there.
# shellcheck disable=SC2154 # name, world_folder and output are of testlib.sh
# shellcheck disable=SC2016 # the inner shells expand it
# shellcheck source=/dev/null
. "$(dirname "$0")/testlib.sh"

build=${DANEMILTER_BUILD:?the folder of the build}
up adopt --bind "$build" TTL=2
pem=/etc/postfix/danemilter/mx.pem
undo=/var/lib/danemilter/adopt/undo.json
said=$WORLD_DIR/tmp/said

# As Debian's "Internet Site" leaves it, with the addresses of mx.bind.test.
stock_postfix() {
    world stop "$name" mx-bind
    inside bash -eu -s "$WORLD_BIND_MX4" "$WORLD_BIND_MX6" <<'INSIDE'
others=$(postconf -h alternate_config_directories)
mkdir -p /etc/ssl/private
openssl req -x509 -newkey rsa:2048 -nodes -days 90 -subj /CN=mx.bind.test -addext subjectAltName=DNS:mx.bind.test \
    -keyout /etc/ssl/private/ssl-cert-snakeoil.key -out /etc/ssl/certs/ssl-cert-snakeoil.pem 2>/dev/null
chmod 600 /etc/ssl/private/ssl-cert-snakeoil.key
cp /usr/share/postfix/main.cf.debian /etc/postfix/main.cf
cat /usr/share/postfix/main.cf.tls >>/etc/postfix/main.cf
cp /usr/share/postfix/master.cf.dist /etc/postfix/master.cf
postconf -e myhostname=mx.bind.test "inet_interfaces=$1, $2" inet_protocols=all \
    "alternate_config_directories=$others" maillog_file=/var/log/mail.log \
    virtual_mailbox_domains=bind.test virtual_mailbox_maps=static:sink virtual_transport=discard: \
    smtpd_tls_cert_file=/etc/ssl/certs/ssl-cert-snakeoil.pem \
    smtpd_tls_key_file=/etc/ssl/private/ssl-cert-snakeoil.key smtpd_tls_security_level=may
postfix start
INSIDE
}

# adopt STATUS PATTERN OPTION... : danectl adopt's exit status, and a line that it prints
adopt() {
    local want=$1 pattern=$2 status
    shift 2
    inside "$build/danectl" adopt -a "$WORLD_TRUST_ANCHOR" -r "$WORLD_CA_RESOLVER4" "$@" >"$said" 2>&1
    status=$?
    cat "$said"
    echo "status $status"
    [ "$status" = "$want" ] && grep -Eq -- "$pattern" "$said"
}

config() { inside sh -c 'postconf -n; postconf -M'; }
files() { inside sh -c 'find /etc/postfix /etc/danemilter /var/lib/danemilter -type f 2>/dev/null | sort'; }
before() {
    config >"$WORLD_DIR/tmp/config"
    files >"$WORLD_DIR/tmp/files"
}
untouched() { config | diff "$WORLD_DIR/tmp/config" - && files | diff "$WORLD_DIR/tmp/files" -; }
# What a sender is shown, at both addresses
shown() {
    local ip
    for ip in "$WORLD_BIND_MX4" "[$WORLD_BIND_MX6]"; do
        inside sh -c "echo QUIT | openssl s_client -starttls smtp -connect '$ip:25' 2>/dev/null |
            openssl x509 -noout -fingerprint -sha256"
    done
}
shows_as_before() { [ "$(shown)" = "$was" ] && [ "$(wc -l <<<"$was")" = 2 ]; }
chain_serves() {
    inside sh -c 'test "$(stat -c %a%U "$0")" = 600root && postconf -hx smtpd_tls_chain_files | grep -x "$0" >/dev/null &&
        head -1 "$0" | grep "PRIVATE KEY" >/dev/null' "$pem" && shows_as_before
}

# there_and_back WHAT OPTION... : plan, apply, once more, undo
there_and_back() {
    local what=$1
    shift
    was=$(shown)
    before
    check "$what: the plan" adopt "$expect" 'smtpd_tls_chain_files = /etc' "$@"
    check "$what: it changes nothing" untouched
    check "$what: --apply" adopt 3 '^Done: ' --apply "$@"
    check "$what: one chain file, the same certificate" chain_serves
    check "$what: --apply once more finds nothing to do" adopt 3 '^Done: ' --apply "$@"
    check "$what: --undo" adopt 0 'smtpd_tls_chain_files taken out' --undo
    check "$what: main.cf and master.cf as they were, no file left" untouched
    check "$what: the certificate as it was" shows_as_before
}

check "a stock Postfix runs as mx.bind.test" stock_postfix
check "it answers" within 10 shown
expect=3
there_and_back "snakeoil" --issuer acme
check "nothing is left to undo" adopt 1 'nothing to undo' --undo

# --- refusals: nothing is changed, and the reason is said
wildcard() {
    inside sh -c "printf '%s\n' 'server $WORLD_BIND_NS1_4' 'zone bind.test' \
        'update add *.wild.bind.test. 60 A $WORLD_BIND_MX4' send | nsupdate -k '$WORLD_TSIG_FILE'"
}
was=$(shown)
before
check "a wildcard is written" wildcard
check "refused: a zone that is not signed" adopt 4 '^STOP .*insecure.test. is INSECURE.*sign the zone' --apply -H mx.insecure.test
check "refused: a name that is not covered" adopt 4 '^STOP .*ns1.bind.test: the present certificate has not this name' --apply -H ns1.bind.test
check "refused: addresses from a wildcard" within 10 adopt 4 '^STOP .*come from a wildcard' --apply -H any.wild.bind.test
check "refused: a host that shows another certificate" adopt 4 '^STOP .*mx.pdns.test at 192.0.2.42:25 does not show' --apply -H mx.pdns.test
inside postconf -P 'smtp/inet/smtpd_tls_cert_file=/etc/ssl/certs/other.pem'
check "refused: a service that serves something else" adopt 4 '^STOP .*smtp/inet serves something else' --apply
inside postconf -PX smtp/inet/smtpd_tls_cert_file
inside chmod 644 /etc/ssl/private/ssl-cert-snakeoil.key
check "refused: a key that others may read" adopt 4 '^STOP .*mode 0644.*read it: chmod' --apply
inside chmod 600 /etc/ssl/private/ssl-cert-snakeoil.key
check "refusals changed nothing" untouched
check "wrong usage" adopt 2 'rfc2136:SERVER:ZONE:KEYFILE' --dns rfc2136:192.0.2.11:bind.test
check "without the program it warns" adopt 3 'danemilter is not there'
check "as JSON" adopt 3 '"possible": true' --json

# --- certbot's links
certbot() {
    inside bash -eu <<'INSIDE'
mkdir -p -m 700 /etc/letsencrypt/archive/mx.bind.test /etc/letsencrypt/live/mx.bind.test
cd /etc/letsencrypt
cp /etc/ssl/private/ssl-cert-snakeoil.key archive/mx.bind.test/privkey1.pem
cp /etc/ssl/certs/ssl-cert-snakeoil.pem archive/mx.bind.test/fullchain1.pem
ln -s ../../archive/mx.bind.test/privkey1.pem live/mx.bind.test/privkey.pem
ln -s ../../archive/mx.bind.test/fullchain1.pem live/mx.bind.test/fullchain.pem
postconf -e smtpd_tls_cert_file=/etc/letsencrypt/live/mx.bind.test/fullchain.pem \
    smtpd_tls_key_file=/etc/letsencrypt/live/mx.bind.test/privkey.pem \
    'smtpd_milters = inet:127.0.0.1:8891' milter_default_action=accept
postfix reload
INSIDE
}
check "certbot's links" certbot
expect=3
there_and_back "certbot" --ca https://acme.test:14000/dir

# --- keys made by `postfix tls`
check "postfix tls makes a key" inside sh -c 'postconf -X smtpd_tls_cert_file smtpd_tls_key_file \
    smtpd_tls_security_level smtpd_milters && postfix tls enable-server && postfix reload &&
    postconf -n smtpd_tls_cert_file | grep /etc/postfix/cert-'
expect=3
there_and_back "postfix tls"

# --- and the daemon begins with it
key_of() { inside sh -c 'openssl x509 -in "$0" -noout -pubkey 2>/dev/null | openssl pkey -pubin -outform DER 2>/dev/null | sha256sum | cut -c-64' "$1"; }
record_shown() { inside dig +short TLSA _25._tcp.mx.bind.test "@$WORLD_BIND_NS1_4" | tr -d ' ' | grep -i "^311$(key_of "$pem")" >/dev/null; }
dns=rfc2136:$WORLD_BIND_NS1_4:bind.test:/etc/ssl/private/tsig.key
conf=/etc/danemilter/danemilter.conf
make_user() {
    inside sh -c "adduser --system --group --no-create-home --home /nonexistent danemilter &&
        install -m 600 '$WORLD_TSIG_FILE' /etc/ssl/private/tsig.key"
}
install_daemon() {
    inside sh -c "install -m 755 '$build/danemilter' \"\$(postconf -hx daemon_directory)/danemilter\""
}
# What adopt wrote, with short waits, so that `leave` can be seen to its end.
make_quick() {
    inside sh -c 'sed -i "s/^\( *\)tlsa {/&\n\1    ttl = 2/" "$0" && grep -q "^ *ttl = 2$" "$0" && printf "%s\n" "policy {" \
        "    poll = 250ms" "    past_ttl = 2s" "    floor = 5s" "    sender_timeout = 2s" \
        "    commit_window = 3s" "}" >>"$0"' "$conf"
}
was=$(shown)
before
check "the daemon's user" make_user
check "--apply with --dns" adopt 0 'Next: danectl check' --apply --dns "$dns"
inside cp "$conf" /root/conf
check "undone" adopt 0 'smtpd_tls_chain_files taken out' --undo
inside sh -c 'mkdir -p /etc/danemilter && cp /root/conf "$0"' "$conf"
check "a configuration of the administrator's own" make_quick
check "the daemon's program" install_daemon
check "--apply goes on with that configuration" adopt 0 'Next: danectl check' --apply --dns "$dns"
check "the configuration is whole" inside "$build/danectl" config --check
check "the record of the present key appears" within 20 record_shown
check "the present chain stays" chain_serves
check "danectl status knows it" inside sh -c "'$build/danectl' status; test -s /var/lib/danemilter/main/state.db"
check "--undo is refused now, danectl leave is named" adopt 4 'danectl leave' --undo
check "and nothing was put back" chain_serves
check "the record of changes is root's alone" inside sh -c 'test "$(stat -c %a%U "$0")" = 600root' "$undo"

# --- and leave goes the whole way back
leave() { inside "$build/danectl" leave "$@" 2>&1; }
leave_waits() { leave --apply | tee "$said" | grep 'keep' && ! grep 'taken out' "$said"; }
no_record() { [ -z "$(inside dig +short TLSA _25._tcp.mx.bind.test "@$WORLD_BIND_NS1_4")" ]; }
said_back() { leave --apply | tee "$said" | grep 'smtpd_tls_chain_files taken out'; }
check "leave: the records go" leave --apply
check "no record is left" within 10 no_record
check "the chain stays until no cache holds one" chain_serves
check "asked at once, it waits" leave_waits
check "when they are gone, main.cf goes back" within 40 said_back
check "Postfix is as it was before adopt" sh -c 'diff "$0" - <<END
$1
END' "$WORLD_DIR/tmp/config" "$(config)"
check "and shows the certificate from before" within 10 shows_as_before
check "nothing is left to undo" adopt 1 'nothing to undo' --undo
finish

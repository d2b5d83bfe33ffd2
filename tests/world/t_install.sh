#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# autotools/setup install on a server with a stock Postfix, the steps that it prints taken as they
# stand, the first protected mail; and uninstall. The server is the world's mx.bind.test, with
# Debian's own main.cf and master.cf; all of it is in the world's overlay and gone afterwards.
# shellcheck disable=SC2154 # name, world_folder and output are of testlib.sh
# shellcheck source=/dev/null
. "$(dirname "$0")/testlib.sh"

build=${DANEMILTER_BUILD:?the folder of the build}
source_tree=$(cd "$world_folder/../.." && pwd)
up install --bind "$build"
pem=/etc/postfix/danemilter/mx.pem
conf=/etc/danemilter/danemilter.conf

setup() { inside env "DANEMILTER_BUILD=$build" "$source_tree/autotools/setup" "$@"; }

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

# Every file that install could touch, with its sum
belongings() {
    inside sh -c 'find /etc /usr/local /usr/lib/postfix /var/lib/danemilter -type f 2>/dev/null |
        sort | xargs -d "\n" sha256sum; getent passwd'
}
unchanged() { [ "$(belongings)" = "$1" ]; }

# printed NUMBER: the commands of that step, as install printed them
printed() {
    awk -v step="$1." '/^[1-5]\. / { on = ($1 == step) } on && /^     / { sub(/^ +/, ""); print }' "$steps"
}
follow() {
    [ -n "$(printed "$1")" ] || return 1
    printed "$1" | sed -e "s|YOUR-TSIG-KEY|$WORLD_TSIG_FILE|" -e '/EDITOR/d' | inside bash -eux
}

# What an operator of this world writes, in seconds instead of days.
own_config() {
    inside sh -c "cat >$conf" <<END
notify = "postmaster@bind.test"
trust_anchor = "$WORLD_TRUST_ANCHOR"
root_hints = "$WORLD_DIR/root-hints"
acme "pebble" {
    directory = "$WORLD_PEBBLE_DIRECTORY"
    ca_file = "$WORLD_PEBBLE_CA"
    agree = yes
}
dns "primary" {
    provider = rfc2136
    server = $WORLD_BIND_NS1_4
    zone = bind.test
    key_file = /etc/danemilter/tsig.key
}
certificate "mx" {
    names = mx.bind.test
    keys = rsa2048
    issuer = acme
    ca = pebble
    chain_file = $pem
    tlsa {
        hosts = mx.bind.test
        ttl = 2
        dns = primary
    }
    renew { every = 6s }
}
policy {
    poll = 250ms
    silence = 30s
    past_ttl = 5s
    floor = 3s
    sender_timeout = 2s
    commit_window = 3s
    attest_every = 500ms
}
END
}
log_says() { inside grep -q "danemilter\\[.*$1" /var/log/mail.log; }
all_verified() {
    local mark
    mark=$(world mark "$name") && world send "$name" bind.test 3 &&
        world verdict "$name" --wait 20 "$mark" | tee "$output" | grep 'messages=3 .*deferred=0 .*verified=3 '
}

check "a stock Postfix runs as mx.bind.test" stock_postfix
before=$(belongings)
check "install --dry-run" setup install --dry-run
check "changes nothing" unchanged "$before"
steps=$(mktemp)
check "install" setup install
setup install >"$steps" 2>&1
check "once more: nothing is made twice" grep -q 'the user danemilter is there already' "$steps"
check "the configuration stays" grep -q "$conf is there already" "$steps"
check "five steps are printed" test "$(grep -c '^[1-5]\. ' "$steps")" = 5
# shellcheck disable=SC2016 # the inner shell expands it
check "the program is a file of Postfix's own folder" \
    inside sh -c 'test -f "$(postconf -h daemon_directory)/danemilter" && ! test -L "$(postconf -h daemon_directory)/danemilter"'
check "the example bears this server's name" inside grep -q 'mx\.bind\.test' "$conf"

# README.md's five steps, by number; what has to be filled in is filled in.
in_readme() {
    awk -v step="**$1.**" '/^##/ { on = 0 } /^\*\*[1-5]\.\*\*/ { on = ($1 == step) } on && /^    / { sub(/^ +/, ""); print }' \
        "$source_tree/README.md" | sed -e 's/YOUR.MX.NAME/mx.bind.test/' -e '/^(umask/d'
}
same_as_readme() {
    # shellcheck disable=SC2016
    [ -n "$(in_readme "$1")" ] &&
        diff <(in_readme "$1") <(printed "$1" | sed -e 's/${EDITOR:-editor}/editor/' -e '/^(umask/d')
}
for step in 1 2 3 4 5; do
    check "step $step is README.md's" same_as_readme "$step"
done

check "step 1, the chain file" follow 1
check "step 2, the key" follow 2
check "step 3, the configuration" own_config
check "step 3, danectl config" follow 3
check "step 4, named to Postfix; danectl check finds nothing" follow 4
check "step 5, started; danectl status" follow 5
check "the log says that it runs" within 15 log_says started
check "the first rollover is complete" within 60 log_says 'is committed'
check "danectl status is content" within 30 inside danectl status
sleep 3 # the sender's cache of "no TLSA here"
# Between steps 4 and 5 an smtpd may look for the milter in vain; then never again.
complaints() { inside grep -ic 'warning.*milter' /var/log/mail.log; }
before=$(complaints)
check "mail is Verified" all_verified
check "smtpd is chroot'd, as Debian has it" test "$(inside postconf -Fh smtp/inet/chroot)" = y
check "and reaches the milter" inside sh -c 'danectl status | grep "mail came by TLS [1-9]"'
check "without a complaint" test "$(complaints)" = "$before"
check "postfix check is content" inside sh -c '! postfix check 2>&1 | grep danemilter'

check "uninstall is refused while master.cf starts it" differs setup uninstall
check "taken out of Postfix" inside sh -c "postconf -MX danemilter/unix && postconf -X smtpd_milters && postfix reload"
check "uninstall is refused while records are published" differs setup uninstall
check "uninstall by force" setup uninstall --force
check "the programs are gone" inside sh -c '! command -v danectl && ! test -e /usr/lib/postfix/sbin/danemilter'
check "the state is there" inside test -s /var/lib/danemilter/main/state.db
check "a changed configuration is there" inside test -s "$conf"
check "Postfix delivers as before" all_verified
rm -f "$steps"
finish

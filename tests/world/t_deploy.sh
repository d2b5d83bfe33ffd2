#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The Postfix port against a real Postfix: the switch by one rename, reload, old processes counted
# until they end, and what goes wrong said.
# shellcheck disable=SC2154 # name, world_folder and output are of testlib.sh
# shellcheck source=/dev/null
. "$(dirname "$0")/testlib.sh"

build=${DANEMILTER_BUILD:?the folder of the build}
up deploy --bind "$build"
work=$WORLD_DIR/deploy
mkdir -m 700 "$work" "$work/keys"

ctl() {
    inside "$build/tests/postfix/deployctl" -c "$WORLD_BIND_POSTFIX" -f "$WORLD_BIND_CHAIN" \
        -k "$work/keys" "$@"
}

# says STATUS TEXT COMMAND... : deployctl's status, and a part of what it says
says() {
    local want=$1 text=$2 status=0
    shift 2
    "$@" >"$work/said" 2>&1 || status=$?
    cat "$work/said"
    [ "$status" = "$want" ] && grep -qF -- "$text" "$work/said"
}

answers() {
    local want=$1 got
    shift
    got=$(ctl "$@") && echo "$got" && [ "$got" = "$want" ]
}

# The SHA-256 of what STARTTLS shows, by signature algorithms that only one key type can serve.
served() {
    local algs
    case $1 in
    ec) algs=ecdsa_secp256r1_sha256 ;;
    rsa) algs=rsa_pss_rsae_sha256 ;;
    esac
    inside openssl s_client -starttls smtp -connect "$WORLD_BIND_MX4:25" -tls1_3 -sigalgs "$algs" \
        </dev/null 2>/dev/null | fingerprint
}

fingerprint() {
    inside openssl x509 -outform DER 2>/dev/null | sha256sum | cut -d' ' -f1
}

shows_file() {
    [ "$(served "$1")" = "$(fingerprint <"$2")" ]
}

make_key() {
    ctl key "$1"
}

# generation N : keys and certificates of both algorithms
generation() {
    ec[$1]=$(make_key P-256) && rsa[$1]=$(make_key RSA-2048) &&
        ctl issue "${ec[$1]}" 30 mx.bind.test >"$work/ec$1.pem" &&
        ctl issue "${rsa[$1]}" 30 mx.bind.test >"$work/rsa$1.pem"
}

install_both() {
    ctl install "${ec[$1]}=$work/ec$1.pem" "${rsa[$1]}=$work/rsa$1.pem"
}

ec=()
rsa=()

# --- the Postfix that we found

check "Postfix runs" answers yes running
check "main.cf names the chain file" ctl points
chmod 644 "$WORLD_BIND_CHAIN"
check "a chain file open to others is refused" says 3 "chmod 0600" ctl read
chmod 600 "$WORLD_BIND_CHAIN"
check "the chain file holds both algorithms" \
    test "$(ctl read | cut -d' ' -f1 | tr '\n' ' ')" = "P-256 RSA-2048 "

# --- records as OpenSSL's command computes them

for generation in 1 2; do
    check "keys and certificates, generation $generation" generation "$generation"
done
pubkey() {
    inside openssl x509 -noout -pubkey <"$1" | inside openssl pkey -pubin -outform DER
}
check "3 1 1 of the P-256 key" test "$(ctl tlsa 3 1 1 "$work/ec1.pem")" = \
    "3 1 1 $(pubkey "$work/ec1.pem" | sha256sum | cut -d' ' -f1)"
check "3 1 2 of the RSA key" test "$(ctl tlsa 3 1 2 "$work/rsa1.pem")" = \
    "3 1 2 $(pubkey "$work/rsa1.pem" | sha512sum | cut -d' ' -f1)"
check "3 0 1 of the certificate" test "$(ctl tlsa 3 0 1 "$work/rsa1.pem")" = \
    "3 0 1 $(fingerprint <"$work/rsa1.pem")"
check "the self-signed certificate verifies" \
    inside openssl verify -CAfile "$work/ec1.pem" -verify_hostname mx.bind.test "$work/ec1.pem"
check "the certificate is inspected" says 0 "P-256 names=yes" ctl inspect "$work/ec1.pem" mx.bind.test

# --- the switch

check "installed" install_both 1
check "reloaded" ctl reload
check "STARTTLS shows the new P-256 certificate" within 5 shows_file ec "$work/ec1.pem"
check "STARTTLS shows the new RSA certificate" within 5 shows_file rsa "$work/rsa1.pem"
check "the old file is kept" test -s "$WORLD_BIND_CHAIN.previous"
check "the new file is closed to others" test "$(stat -c %a "$WORLD_BIND_CHAIN")" = 600
check "the old file is shredded on demand" ctl shred
check "the old file is gone" differs test -e "$WORLD_BIND_CHAIN.previous"
check "no new file is left beside" differs test -e "$WORLD_BIND_CHAIN.next"
check "installed again, it does no harm" install_both 1

# --- a session from before the switch

# hold NAME : opens an SMTP session inside and keeps it until release NAME
hold() {
    mkfifo "$work/$1.end"
    # shellcheck disable=SC2016 # the inner shell expands these
    inside bash -c 'exec 3<>"/dev/tcp/$1/25" && read -r line <&3 && echo "$line" >"$2.began" &&
        read -r _ <"$2.end" && printf "QUIT\r\n" >&3 && read -r line <&3 && echo "$line" >"$2.ended"' \
        hold "$WORLD_BIND_MX4" "$work/$1" &
    within 10 test -s "$work/$1.began"
}

release() {
    echo >"$work/$1.end" && within 10 test -s "$work/$1.ended"
}

check "a session is open" hold first
check "the next generation is installed" install_both 2
switched=$(ctl now)
check "reloaded" ctl reload
check "STARTTLS shows the next P-256 certificate" within 5 shows_file ec "$work/ec2.pem"
check "STARTTLS shows the next RSA certificate" within 5 shows_file rsa "$work/rsa2.pem"
check "one old smtpd is left" within 10 answers 1 older "$switched"
check "it is left after another reload" ctl reload
check "it is still there" within 10 answers 1 older "$switched"
check "the session ends" release first
check "no old process is left" within 10 answers 0 older "$switched"
check "STARTTLS shows the next P-256 certificate" shows_file ec "$work/ec2.pem"
check "a process from after the switch is seen" differs answers 0 older "$(($(ctl now) + 100000))"

# --- an smtpd that outlives its master

check "a session is open" hold second
killed=$(ctl now)
# shellcheck disable=SC2016 # the inner shell expands these
check "master is killed" inside sh -c 'kill -9 "$(cat "$1/pid/master.pid")"' kill \
    "$(inside postconf -c "$WORLD_BIND_POSTFIX" -hx queue_directory)"
check "Postfix does not run" within 5 answers no running
check "its smtpd does" answers 1 older "$killed"
# Not by the world's start, which waits for a banner: while the orphan keeps its listening socket,
# the kernel gives it some of the connections (SO_REUSEPORT), and nobody takes these.
check "Postfix is started again" inside postfix -c "$WORLD_BIND_POSTFIX" start
check "Postfix runs" within 10 answers yes running
check "the orphan counts under the new master" answers 1 older "$killed"
check "the session ends" release second
check "no old process is left" within 10 answers 0 older "$killed"

# --- what must not reach the file, or stops the work

before=$(sha256sum <"$WORLD_BIND_CHAIN")
check "a certificate of another key is refused" \
    says 3 "another key" ctl install "${ec[1]}=$work/ec2.pem"
check "both algorithms of one kind are refused" \
    says 3 "does not take" ctl install "${ec[1]}=$work/ec1.pem" "${ec[2]}=$work/ec2.pem"
check "the chain file is what it was" test "$(sha256sum <"$WORLD_BIND_CHAIN")" = "$before"
check "STARTTLS shows the same certificate" shows_file ec "$work/ec2.pem"

edit() {
    inside postconf -c "$WORLD_BIND_POSTFIX" "$@"
}
check "main.cf is changed" edit -e smtpd_tls_chain_files=/other.pem
check "main.cf that points elsewhere is named" says 3 "smtpd_tls_chain_files = /other.pem" ctl points
check "main.cf goes back to the older parameters" \
    edit -e smtpd_tls_chain_files= "smtpd_tls_cert_file=$WORLD_BIND_CHAIN"
check "the older parameters are named" says 3 "sets smtpd_tls_cert_file = $WORLD_BIND_CHAIN" ctl points
check "main.cf is mended" edit -e "smtpd_tls_chain_files=$WORLD_BIND_CHAIN"
check "the older parameters do not count beside it" ctl points
check "master.cf overrides it" edit -P smtp/inet/smtpd_tls_chain_files=/service.pem
check "the override is named" \
    says 3 "the service smtp/inet has smtpd_tls_chain_files = /service.pem" ctl points
check "master.cf overrides it to the same file" \
    edit -P "smtp/inet/smtpd_tls_chain_files=$WORLD_BIND_CHAIN"
check "that is fine" ctl points
check "main.cf overrides tlsproxy" edit -e tlsproxy_tls_chain_files=/proxy.pem
check "without postscreen that does not matter" ctl points
check "postscreen comes in front" edit -F smtp/inet/command=postscreen
check "tlsproxy's own is named" says 3 "tlsproxy_tls_chain_files = /proxy.pem" ctl points

check "Postfix is stopped" world stop "$name" mx-bind
check "reloading a stopped Postfix fails and says so" says 3 "is not running" ctl reload
check "Postfix does not run" answers no running
check "no process of it is left" within 5 answers 0 older "$(($(ctl now) + 1000))"

finish

#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Reloads of Postfix under load and through long sessions, with a milter that may not be missed once
# (default_action=tempfail); and what danemilter makes of a reload that is not its own.
# RELOADS=50 is the long run.
# shellcheck disable=SC2154,SC2016 # name, postfix and work are of what is sourced; inner shells expand
# shellcheck source=/dev/null
. "$(dirname "$0")/testlib.sh"

up reload --bind "${DANEMILTER_BUILD:?the folder of the build}"
# shellcheck source=/dev/null
. "$(dirname "$0")/far.sh"
reloads=${RELOADS:-8}

configure
check "danemilter is entered" enter_postfix
check "and may not be missed" inside postconf -c "$postfix" -e \
    'smtpd_milters={ unix:danemilter/milter, default_action=tempfail }'
check "reloaded" reload
check "it runs" within 15 logged 'Postfix is running'
check "standbys are published" within 25 inside sh -c \
    '[ "$(dig +short "@$0" "$1" TLSA | grep -c .)" -ge 4 ]' "$WORLD_BIND_NS1_4" "$WORLD_BIND_TLSA"

# --- load: short sessions, and ones that send a mail now and then through all of it

short_sessions() {
    while [ ! -e "$work/enough" ]; do
        inside smtp-source -s 4 -m 40 -f short@sender.test -t sink@bind.test "$WORLD_BIND_MX4:25" \
            >>"$work/short.err" 2>&1 && echo ok || echo refused
    done >"$work/short"
}
long_session() { # long_session N : each line: the reply to a message
    inside bash -c '
        hear() { while read -r -t 20 line <&3; do [ "${line:3:1}" = - ] || break; done; }
        say() { printf "%s\r\n" "$1" >&3; hear; }
        exec 3<>"/dev/tcp/$0/25" && hear && say "EHLO long$1.test"
        while [ ! -e "$2/enough" ]; do
            say "MAIL FROM:<long@sender.test>"; [ "${line:0:1}" = 2 ] || echo "MAIL: $line"
            say "RCPT TO:<sink@bind.test>"; [ "${line:0:1}" = 2 ] || echo "RCPT: $line"
            say DATA; say "$(printf "long\r\n.")"; echo "$line"
            sleep 0.3
        done' "$WORLD_BIND_MX4" "$1" "$work"
}
rm -f "$work/enough"
m=$(wc -l <"$WORLD_BIND_MAILLOG")
before=$(count 'Postfix was reloaded')
short_sessions &
load=("$!")
for n in 1 2 3 4; do
    long_session "$n" >"$work/long$n" 2>&1 &
    load+=("$!")
done
sleep 1
for ((i = 1; i <= reloads; i++)); do
    check "reload $i" reload
    sleep "0.$((i * 7 % 10))"
done
sleep 1
touch "$work/enough"
wait "${load[@]}"
cat "$work/short.err"
grep -hv '^250 ' "$work"/long?
short=$(grep -c ok "$work/short") long=$(cat "$work"/long? | grep -c '^250 2.0.0 Ok: queued')
echo "$reloads reloads: $short x 40 short sessions, $long mails in 4 long ones"
check "no short session was refused" differs grep -q refused "$work/short"
check "there were some" test "$short" -gt 0
check "no mail of a long session was" differs grep -qhv '^250 2.0.0 Ok: queued' "$work/long1" "$work/long2" "$work/long3" "$work/long4"
check "there were some" test "$long" -ge 16
sent() { [ "$(tail -n "+$((m + 1))" "$WORLD_BIND_MAILLOG" | grep -c 'status=sent')" = $((short * 40 + long)) ]; }
check "each was delivered" within 20 sent
check "smtpd never missed the milter" differs sh -c 'tail -n "+$1" "$0" | grep -E "milter.*(connect to Milter|warning)|4\\.7\\.1"' "$WORLD_BIND_MAILLOG" "$((m + 1))"
check "reloads were noticed" within 10 logged 'Postfix was reloaded' "$before"
check "it was never started anew" test "$(count ' started')" = 1

# --- whose reload it was

foreign='Postfix was reloaded: its parameters are looked at again'
own='danemilter has reloaded Postfix'
before=$(count "$foreign")
check "a key is rolled over" within 20 danectl roll mx.bind.test p256
check "switched" within 40 logged 'is committed'
check "that reload was its own" within 10 logged "$own"
check "and nobody else's" test "$(count "$foreign")" = "$before"
proofs() { grep -c 'connect from unknown\[192.0.2.41\]' "$WORLD_BIND_MAILLOG"; }
more_proofs() { [ "$(proofs)" -gt "$proofs" ]; }
proofs=$(proofs)
check "somebody reloads" reload
check "noticed" within 10 logged "$foreign" "$before"
check "what is served is proven anew" within 15 more_proofs

# --- with a difference

# danectl status says by its own status that it wants attention
frozen() { grep -E "FROZEN: .*$1" <<<"$(danectl status)"; }
thawed() { ! grep FROZEN <<<"$(danectl status)"; }
cp -p "$WORLD_BIND_CHAIN" "$work/chain"
records() { inside dig +short "@$WORLD_BIND_NS1_4" "$WORLD_BIND_TLSA" TLSA | sort; }
was=$(records)
inside sh -ec '
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$1/k" -subj /CN=other \
        -days 9 -out "$1/c" 2>/dev/null
    cat "$1/k" "$1/c" >"$1/other.pem"; chmod 600 "$1/other.pem"; cp -p "$1/other.pem" "$0.new"; mv "$0.new" "$0"' "$WORLD_BIND_CHAIN" "$work"
check "the chain file is replaced by hand: reloaded" reload
check "status says frozen, and why" within 15 frozen 'somebody else changed it'
check "the log says why" within 5 logged 'the chain file holds a certificate that is not ours: somebody else writes it'
check "what is published stays" test "$(records)" = "$was"
inside sh -c 'cp -p "$1/chain" "$0.new" && mv "$0.new" "$0"' "$WORLD_BIND_CHAIN" "$work"
check "put back: reloaded" reload
check "a human says so" within 10 danectl resume mx.bind.test
check "it goes on" within 15 thawed
check "main.cf points elsewhere" inside postconf -c "$postfix" -e "smtpd_tls_chain_files=$work/other.pem"
check "reloaded" reload
check "status says frozen, and why" within 15 frozen 'does not use the chain file'
check "the log names the file" within 5 logged "smtpd_tls_chain_files = $work/other.pem"
check "main.cf is mended" inside postconf -c "$postfix" -e "smtpd_tls_chain_files=$WORLD_BIND_CHAIN"
check "reloaded" reload
check "a human says so" within 10 danectl resume mx.bind.test
check "it goes on" within 15 thawed
finish

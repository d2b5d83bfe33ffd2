#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The session ledger before a real Postfix: who is counted and as what, what outlives a restart, and
# what comes of a client that stops completing after a switch.
# shellcheck disable=SC2034,SC2154,SC2016 # name, postfix and far4 are of what is sourced; inner shells expand
# shellcheck source=/dev/null
. "$(dirname "$0")/testlib.sh"

up sessions --bind "${DANEMILTER_BUILD:?the folder of the build}"
# shellcheck source=/dev/null
. "$(dirname "$0")/far.sh"

# As a sender that is not content with the certificate, or a prober: a milter cannot tell which. Nobody
# real is gone within a millisecond, and libmilter would drop what it has not read by then.
breaks_off() { # breaks_off HELO
    far bash -c '
        hear() { while read -r -t 10 line <&3; do [ "${line:3:1}" != " " ] || break; done; [ "${line%% *}" = "$1" ]; }
        exec 3<>"/dev/tcp/$0/25" && hear 220 && printf "EHLO %s\r\n" "$1" >&3 && hear 250 &&
            printf "STARTTLS\r\n" >&3 && hear 220 && sleep 0.2' "$WORLD_BIND_MX4" "$1"
}
sessions() { danectl sessions "$@"; }
shows_sessions() { sessions | grep -E -- "$1"; }
# Stopped, what was counted is saved; entered again, it is read.
again() {
    local before
    before=$(count ' started')
    inside postfix -c "$postfix" stop && inside postfix -c "$postfix" start &&
        within 15 logged ' started' "$before"
}
rich="$far4.0/24 rich.test:" poor="$far4.0/24 poor.test:"

make_far || { echo "FAILED: no network for the clients"; exit 1; }
configure
check "danemilter is entered" enter_postfix
check "and runs" within 15 logged ' started'
check "nobody yet" test "$(sessions)" = 'no sessions yet'
check "standbys are published" within 25 inside sh -c \
    '[ "$(dig +short "@$0" "$1" TLSA | grep -c .)" -ge 4 ]' "$WORLD_BIND_NS1_4" "$WORLD_BIND_TLSA"

check "by TLS" by_tls "$far4.7" mail.rich.test
check "by TLS from a neighbour" by_tls "$far4.8" smtp.rich.test
check "by IPv6" by_tls "${far6}:7" mail.rich.test
check "without TLS" plain "$far4.9" mail.poor.test
check "broken off after HELO" breaks_off mail.poor.test
check "from the server's own address: nothing to count" inside smtp-source -m 3 -t sink@bind.test "inet:$WORLD_BIND_MX4:25"
check "our own probe neither" danectl probe "mx.bind.test"
check "Postfix is stopped and started" again
sessions >"$work/first"
cat "$work/first"
check "five sessions, three clients" grep -q '^5 sessions of 3 clients' "$work/first"
check "a farm of senders is one" shows_sessions "$rich 2 sessions, 2 by TLS, completed 2 by TLS and 0 without, 0 ended after HELO; TLS_"
check "without TLS" shows_sessions "$poor 2 sessions, 0 by TLS, completed 0 by TLS and 1 without, 1 ended"
check "by IPv6" shows_sessions "2001:db8:ffff::/48 rich.test: 1 sessions"
check "versions" shows_sessions '^  TLSv1.3  3, completed 3'
says_json() { # says_json MEMBER
    local json
    json=$(sessions --json | tr -d ' \n')
    [ "${json#*"$1"}" != "$json" ] || { echo "$json"; return 1; }
}
for member in '"sessions":5,' '"clients":3,' '"tls":{"none":2,"TLSv1":0,"TLSv1.1":0,"TLSv1.2":0,"TLSv1.3":3,"other":0}' \
    '"mail":{"none":1,"TLSv1":0,"TLSv1.1":0,"TLSv1.2":0,"TLSv1.3":3,"other":0}' '"gone":1,' '"suspected":[]'; do
    check "as JSON: $member" says_json "$member"
done
check "one more by TLS" by_tls "$far4.7" mail.rich.test
check "stopped and started once more" again
check "it came on top" shows_sessions "$rich 3 sessions, 3 by TLS"
check "nobody is suspected" shows_sessions '^nobody is suspected'

# --- a switch, after which the one that always completed does not any more
before=$(count 'is committed')
check "a key is rolled over" within 20 danectl roll mx.bind.test p256
check "switched" within 40 logged 'is committed' "$before"
check "who only ever broke off is nobody to suspect" breaks_off mail.poor.test
check "once is nothing" breaks_off mail.rich.test
check "no suspicion yet" differs logged 'completed by TLS before the last switch'
check "twice is" breaks_off mail.rich.test
check "the log says who, and why" within 10 logged "$far4.0/24 rich.test completed by TLS before the last switch"
check "it stands in the history" within 10 inside sh -c '"$0" -c "$1" history | grep -i suspect' "$DANEMILTER_BUILD/danectl" "$conf"
check "status is none the worse once it was proven again" within 20 danectl status
check "sessions name the client" within 10 shows_sessions 'suspected after a switch'
check "poor.test is not among them" differs sh -c 'echo "$0" | sed -n "/^suspected/,\$p" | grep poor' "$(sessions)"

# --- on a port of the loopback
socket=inet:18891@127.0.0.1
inside postconf -c "$postfix" -e 'smtpd_milters={ inet:127.0.0.1:18891, default_action=accept }'
check "a port of the loopback instead" reconfigure
check "a session on it, by TLS" by_tls "$far4.8" mail.port.test
check "saved, and read again" again
check "it was counted" shows_sessions "$far4.0/24 port.test: 1 session"
checked() { inside sh -c '"$0" -c "$1" check | grep -F "$2"' "$DANEMILTER_BUILD/danectl" "$conf" "$1"; }
check "danectl check knows the entry" checked 'smtpd_milters names inet:127.0.0.1:18891'
check "and that the standbys are ours" checked 'is ours, of a key that is not served'
check "nothing is taken for somebody else's" differs checked 'and is not ours'
check "no trouble for Postfix" differs grep -E 'warning: milter|fatal|panic' "$WORLD_BIND_MAILLOG"
finish

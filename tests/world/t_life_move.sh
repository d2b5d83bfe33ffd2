#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# What befalls a living installation: a library that it maps is replaced under load, the state is
# put back from a backup (safety.md row 42), and it moves to another server by export and import.
# shellcheck disable=SC2154,SC2016 # name and output are of testlib.sh; inner shells expand
# shellcheck source=/dev/null
. "$(dirname "$0")/testlib.sh"

build=${DANEMILTER_BUILD:?the folder of the build}
up move --bind "$build"
work=$WORLD_DIR/tmp/move
mkdir -p "$work"
conf=$work/danemilter.conf
postfix=$WORLD_BIND_POSTFIX
chmod 600 "$WORLD_BIND_CHAIN"
cat >"$conf" <<END
state_dir = "$work/state"
run_dir = "$work/run"
trust_anchor = "$WORLD_TRUST_ANCHOR"
resolver = {"$WORLD_CA_RESOLVER4"}
control_group = "daemon"
dns "primary" {
    provider = "rfc2136"
    server = "$WORLD_BIND_NS1_4"
    zone = "bind.test"
    key_file = "$WORLD_TSIG_FILE"
}
certificate "mx.bind.test" {
    names = {"mx.bind.test"}
    keys = {"p256", "rsa2048"}
    issuer = "selfsigned"
    chain_file = "$WORLD_BIND_CHAIN"
    tlsa {
        hosts = {"mx.bind.test"}
        ports = {"25"}
        records = {"3 1 1"}
        ttl = 2
        dns = "primary"
    }
    deploy { postfix_config = "$postfix" }
}
policy {
    poll = "250ms"
    past_ttl = "2s"
    floor = "5s"
    sender_timeout = "2s"
    commit_window = "3s"
    attest_every = "500ms"
}
END

conf_now=$conf state=$work/state
danectl() { inside "$build/danectl" -c "$conf_now" "$@"; }
records() { inside dig +short "@$WORLD_BIND_NS1_4" "$WORLD_BIND_TLSA" TLSA | sort; }
number() { [ "$(records | grep -c .)" -ge "$1" ]; }
log() { grep -c "danemilter\\[.*$1" "$WORLD_BIND_MAILLOG"; }
logged() { [ "$(log "$1")" -gt "$2" ]; } # logged PATTERN HOW-OFTEN-BEFORE
runs() { inside sh -c 'cat /proc/[0-9]*/comm 2>/dev/null' | grep -x danemilter >/dev/null; }
says() { # says WORDS COMMAND...
    local words=$1
    shift
    "$@" >"$work/said" 2>&1
    tail -n 12 "$work/said"
    grep -qF -- "$words" "$work/said"
}
reload() { inside postfix -c "$postfix" reload; }
named() { # named CONFIGURATION: in master.cf
    inside postconf -c "$postfix" -Me "danemilter/unix=danemilter unix - n n 10 1 danemilter -C $1" && reload
}
unnamed() { inside postconf -c "$postfix" -MX danemilter/unix && reload && within 10 differs runs; }
shown() { # the certificate that senders are shown
    inside sh -c 'echo QUIT | openssl s_client -starttls smtp -connect "$0:25" 2>/dev/null |
        openssl x509 -noout -fingerprint -sha256' "$WORLD_BIND_MX4"
}
shows() { [ "$(shown)" = "$cert" ] || { echo "was $cert"; inside sh -c 'echo QUIT | openssl s_client -starttls smtp -connect "$0:25" 2>&1' "$WORLD_BIND_MX4"; tail -n 20 "$WORLD_BIND_MAILLOG"; return 1; }; }

folder=$(inside postconf -c "$postfix" -hx daemon_directory)
check "the binary is in daemon_directory" inside install -m 755 "$build/danemilter" "$folder/danemilter"
inside postconf -c "$postfix" -e 'smtpd_milters={ unix:danemilter/milter, default_action=accept }'
check "danemilter starts" named "$conf"
check "standbys are published" within 25 number 4
m=$(world mark "$name")

# --- a library is upgraded under load
before=$(log ' started')
library=$(inside sh -c 'readlink -f "$(ldd "$0" | sed -n "s/.*libcrypto[^ ]* => \([^ ]*\).*/\1/p")"' "$folder/danemilter")
inside smtp-source -c -s 4 -l 500 -m 1500 -t sink@bind.test "inet:$WORLD_BIND_MX4:25" >"$work/load" 2>&1 &
load=$!
check "libcrypto is replaced, as dpkg does it" inside sh -c 'cp "$0" "$0.new" && mv "$0.new" "$0"' "$library"
check "reload" reload
check "noticed" within 10 logged 'the program is another: starting anew' 0
check "and started anew by master" within 10 logged ' started' "$before"
wait "$load"
status=$?
# With tempfail as default_action a message that is under way when the old process ends is put off
# (451 4.7.1): the line that README.md and adopt give says accept.
check "smtp-source: no session was refused" test "$status" = 0
sed 's/\r/\n/g' "$work/load" | tail -n 1
check "no start was a bad one for master" differs grep 'master.*danemilter.*\(bad command\|throttl\|exit status\)' "$WORLD_BIND_MAILLOG"

# --- an old state is put back (row 42)
check "stopped" unnamed
inside cp -a "$state/state.db" "$work/backup.db"
check "started" named "$conf"
before=$(log 'is committed')
check "a key is rolled over" within 10 danectl roll mx.bind.test p256
check "committed" within 40 logged 'is committed' "$before"
check "stopped again" unnamed
was=$(records) cert=$(shown)
check "a certificate is shown" test -n "$cert"
inside sh -c 'rm -f "$1"/state.db* && cp -a "$0" "$1/state.db"' "$work/backup.db" "$state"
check "started on the old state" named "$conf"
check "it says so" within 15 logged 'restored from a backup' 0
check "status too" within 10 says restored danectl status
sleep 4
check "the certificate in service is the same" shows
check "no record that was there is gone" test -z "$(comm -23 <(echo "$was") <(records))"

# --- to another server: another configuration, state, chain file
check "export is refused beside the daemon" says 'Stop it first' danectl export "$work/export"
check "and writes nothing" test ! -e "$work/export"
check "out of Postfix, records stay" danectl leave --apply --keep-records
check "export" danectl export "$work/export"
check "for root alone" test "$(stat -c %a%U "$work/export")" = 600root
check "an old file is not overwritten" says 'is there already' danectl export "$work/export"
check "once is enough" says 'was exported at' danectl export "$work/export2"
check "leave would take the other server's records" says 'was exported at' danectl leave --apply
check "the old one does not start on it" says 'was exported at' inside timeout 5 "$build/danemilter" -f -c "$conf"
mkdir "$work/new" && sed -e "s|$work/state|$work/new/state|" -e "s|$work/run|$work/new/run|" \
    -e "s|chain_file = .*|chain_file = \"$work/new/chain.pem\"|" "$conf" >"$work/new.conf"
conf_now=$work/new.conf
check "import" danectl import "$work/export"
check "the chain file is the same" cmp "$WORLD_BIND_CHAIN" "$work/new/chain.pem"
check "keys of the daemon's user alone" test "$(inside sh -c 'stat -c "%a %U" "$0"/new/state/keys/* "$0"/new/state/state.db "$0/new/state/lock" | sort -u' "$work")" = "600 danemilter"
check "nothing is imported twice" says 'is there already' danectl import "$work/export"
inside postconf -c "$postfix" -e "smtpd_tls_chain_files=$work/new/chain.pem" \
    'smtpd_milters={ unix:danemilter/milter, default_action=accept }'
before=$(log ' started') was=$(records)
check "started with it" named "$work/new.conf"
check "it runs" within 15 logged ' started' "$before"
check "it looks first" within 15 says restored danectl status
check "the same certificate" shows
check "the same records" test -z "$(comm -23 <(echo "$was") <(records))"
check "resumed" danectl resume mx.bind.test
check "and well" within 20 danectl status
world send "$name" bind.test 3 >/dev/null
verdict=$(world verdict "$name" --wait 20 "$m")
echo "$verdict"
check "mail is Verified" grep -q 'messages=3 sent=3 deferred=0 .*verified=3' <<<"$verdict"
finish

#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# What people and machines do to a mail server in the middle of a rollover, and that danemilter
# does as its safety rule says, with the log and `danectl status` naming it: a foreign record, a
# standby's record deleted by hand, a reload that fails, a Postfix that is stopped, a main.cf that
# points elsewhere, the served record deleted by hand. In one world, under the prober (except where
# the human or the stopped Postfix break the delivery themselves). In the foreground, because
# Postfix stops in the middle.

set -u
[ "$(id -u)" -eq 0 ] || {
    echo 'the mail world needs root: skipped'
    exit 77
}
style=foreground
# shellcheck source=tests/world/rollover.sh disable=SC2119
. "$(dirname "$0")/rollover.sh"
trap roll_down EXIT
trap 'exit 1' INT TERM

# must SECONDS WHAT COMMAND...
must() {
    local begin=$SECONDS
    roll_until "$@" || {
        roll_status
        exit 1
    }
    roll_note "ok: $2 ($((SECONDS - begin)) s)"
}

# mark: what the log says from here on is new
mark() { seen=$(wc -l <"$dm/log"); }
says() { tail -n "+$((seen + 1))" "$dm/log" | grep -E -- "$1" >/dev/null; }
thawed() { ! status_says 'FROZEN'; }
status_says() { roll_status | grep -E -- "$1" >/dev/null; }

# The 3 1 1 digests of the keys in the chain file, one a line
served() {
    # shellcheck disable=SC2016
    roll_in awk '
        /^-----BEGIN .*PRIVATE KEY-----/ { key = ""; inside = 1 }
        inside { key = key $0 "\n" }
        /^-----END .*PRIVATE KEY-----/ {
            inside = 0
            command = "openssl pkey -pubout -outform DER | openssl sha256 -r"
            printf "%s", key | command
            close(command)
        }' "$chain" | cut -d' ' -f1 | sort
}
serves_other() { [ "$(served)" != "$1" ]; }

# The digests that a server shows, one a line
shown() { roll_in kdig +short "@$1" "_25._tcp.$mx" TLSA | tr -d ' ' | sed 's/^311//' | tr A-F a-f | sort; }
shows() { shown "$1" | grep -x -- "$2" >/dev/null; }

# The digest of the next P-256 key, of which every name server has shown the record.
standby() {
    local start
    start=$(roll_status | sed -n 's/^ *p256 key [0-9]* *\(confirmed\|omnipresent\) *3 1 1 \([0-9a-f]*\).*/\2/p')
    [ -n "$start" ] && shown "$ns1" | grep -- "^$start"
}
has_standby() { standby >/dev/null; }

# dns_change add|delete DIGEST...: by hand, at the primary
dns_change() {
    local what=$1 each ttl=''
    shift
    [ "$what" = delete ] || ttl=2
    {
        printf 'server %s\nzone %s\n' "$ns1" "$domain"
        for each in "$@"; do
            printf 'update %s _25._tcp.%s. %s TLSA 3 1 1 %s\n' "$what" "$mx" "$ttl" "$each"
        done
        echo send
    } | roll_in nsupdate -k "$tsig" -t 5 || roll_die "nsupdate of $what $* failed"
}

# A rollover now, asked for by the operator, from a state in which nothing else is under way
settled() { [ "$(roll_status | grep -Ec '^ *(p256|rsa2048) key [0-9]+ +(serving|omnipresent)')" -eq 4 ]; }
roll_now() {
    must 60 'nothing is under way' settled
    roll_danectl roll "$mx" || roll_die 'danectl roll failed'
}

foreign=$(printf '%064x' 66)
roll_up
roll_config '"p256", "rsa2048"' 1h
roll_start
roll_all_published || exit 1
roll_probe

roll_note '--- row 30: somebody adds a record'
mark
dns_change add "$foreign"
must 20 'the log names it' says "3 1 1 ${foreign:0:8}"
must 20 'status names it' status_says "3 1 1 ${foreign:0:8}"
before=$(served)
roll_now
must 60 'a rollover beside it' serves_other "$before"
must 60 'the next standby is published' has_standby

roll_note "--- row 29: the standby's record is deleted by hand"
mark
gone=$(standby)
dns_change delete "$gone"
must 20 'it is published again' shows "$ns2" "$gone"
must 20 'the log says so' says "3 1 1 ${gone:0:8}"

roll_note '--- row 43: postfix reload fails'
must 60 'nothing is under way' settled
before=$(served)
mark
# shellcheck disable=SC2016
roll_in sh -c 'mv /usr/sbin/postfix /usr/sbin/postfix.real
    printf "%s\n" "#!/bin/sh" "case \" \$* \" in *\" reload \"*) echo \"stub: reload fails\" >&2; exit 1;; esac" \
        "exec /usr/sbin/postfix.real \"\$@\"" >/usr/sbin/postfix
    chmod 755 /usr/sbin/postfix' || roll_die 'the stand-in for postfix was not made'
roll_now
must 40 'the log says that the reload failed' says 'error: .* could not be reloaded.*stub: reload fails'
must 20 'status says frozen, and why' status_says 'FROZEN: .*postfix reload failed'
status_says 'if you do nothing: .' || roll_die 'status does not say what happens without a human'
[ "$(served)" = "$before" ] || roll_die 'the chain file was not built back'
roll_note 'ok: the chain file holds the keys from before'
roll_in mv /usr/sbin/postfix.real /usr/sbin/postfix
must 20 'mended: it thaws by itself' thawed
roll_now
must 60 'a rollover' serves_other "$before"
roll_probed || roll_die "$(roll_lines | tail -n 40; echo "the prober saw it: ${probes[$zone]}")"
roll_note "ok: ${probes[$zone]}"

roll_note '--- row 44: Postfix is stopped'
must 60 'nothing is under way' settled
before=$(served)
mark
"$world" stop "$name" "mx-$zone" || exit 1
must 20 'the log says that Postfix does not run' says 'Postfix is not running'
roll_danectl roll "$mx" || roll_die 'danectl roll failed'
must 60 'a certificate is ready' status_says 'staged'
must 20 'status says so' status_says 'Postfix is not running|Postfix does not run'
sleep 2
[ "$(served)" = "$before" ] || roll_die 'keys were switched although Postfix does not run'
status_says 'staged' || roll_die 'the certificate is not kept staged'
roll_note 'ok: staged is kept, nothing is switched'
"$world" start "$name" "mx-$zone" || exit 1
roll_probe
must 60 'started: the rollover goes on' serves_other "$before"

roll_note '--- row 45: main.cf points elsewhere'
must 60 'nothing is under way' settled
mark
cp -p "$chain" "$chain.other"
before=$(served)
roll_in postconf -c "$postfix" -e "smtpd_tls_chain_files=$chain.other"
roll_in postfix -c "$postfix" reload 2>/dev/null
roll_danectl roll "$mx"
must 60 'the log says the difference' says "smtpd_tls_chain_files = $chain.other"
must 20 'status says frozen, and why' status_says 'FROZEN: Postfix does not use the chain file'
sleep 3
[ "$(served)" = "$before" ] || roll_die 'keys were switched although main.cf points elsewhere'
roll_note 'ok: nothing is switched'
roll_in postconf -c "$postfix" -e "smtpd_tls_chain_files=$chain"
roll_in postfix -c "$postfix" reload 2>/dev/null
sleep 3
status_says 'FROZEN' || roll_die 'it thawed before a human said so (row 45)'
roll_danectl resume "$mx" || roll_die 'danectl resume failed'
must 20 'danectl resume ends it' thawed
must 60 'the rollover goes on' serves_other "$before"
roll_probed || roll_die "the prober saw it: ${probes[$zone]}"
roll_note "ok: ${probes[$zone]}"

roll_note '--- row 29: the records that are served are deleted by hand'
must 60 'nothing is under way' settled
before=$(served)
mark
# shellcheck disable=SC2086 # two digests
dns_change delete $before
must 20 'the keys are switched to the standby at once' serves_other "$before"
must 20 'the log says so' says 'switched: '
sleep 3
roll_probe
sleep 2
roll_probed || roll_die "the prober saw it: ${probes[$zone]}"
roll_note "ok: ${probes[$zone]}"
must 20 'the foreign record is still there' shows "$ns2" "$foreign"
roll_note 'all faults are as the safety rule says'

#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The downgrade guard before a real Postfix, with real clients; then its socket by miltertest, as
# any other MTA would use it.
# shellcheck disable=SC2154 # name, postfix and far4 are of what is sourced
# shellcheck source=/dev/null
. "$(dirname "$0")/testlib.sh"

up guard --bind "${DANEMILTER_BUILD:?the folder of the build}"
# shellcheck source=/dev/null
. "$(dirname "$0")/far.sh"

habit() { # habit ADDRESS HELO : three mails by TLS
    by_tls "$1" "$2" && by_tls "$1" "$2" && by_tls "$1" "$2"
}
told() { # told WORDS ADDRESS HELO
    local words=$1 answer
    shift
    answer=$(plain "$@")
    grep '^<' <<<"$answer" | tail -n 2
    grep -qF -- "$words" <<<"$answer"
}
taken() { told '250 2.0.0 Ok: queued' "$@"; }
asked() { # asked FILE.lua NAME=VALUE...
    local script=$1
    local -a given=()
    shift
    while [ $# -gt 0 ]; do
        given+=(-D "$1")
        shift
    done
    inside miltertest "${given[@]}" -D "socket=unix:${postfix%/etc}/queue/danemilter/milter" \
        -s "$world_folder/../milter/$script"
}
again='451 4.7.0 TLS was always used from your network and is missing now (danemilter guard: downgrade)'
refused='550 5.7.0 TLS is required here: use STARTTLS (danemilter guard: plaintext)'

make_far || { echo "FAILED: no network for the clients"; exit 1; }
watched=('downgrade = "tempfail"' 'minimum_sessions = 3' "exempt = {\"$far4.8\"}")
configure "${watched[@]}"
check "danemilter is entered" enter_postfix
check "and runs" within 15 logged ' started'

# --- a habit, and what becomes of it
check "who never used TLS is not asked to" taken "$far4.7" mail.poor.test
check "three mails by TLS" habit "$far4.7" mail.rich.test
check "the same client without: told to come again, and why" within 5 told "$again" "$far4.7" mail.rich.test
check "the log says so" logged "guard: $far4.7 (helo mail.rich.test) comes without TLS after 3 sessions"
check "another host of that network and domain: the same" told "$again" "$far4.9" smtp2.rich.test
check "the exempt one may" taken "$far4.8" mail.rich.test
check "somebody else of that network may" taken "$far4.7" mail.poor.test
check "by TLS it is taken" by_tls "$far4.7" mail.rich.test
check "IPv6: three by TLS" habit "${far6}:7" mail.six.test
check "IPv6: told to come again" within 5 told "$again" "${far6}:7" mail.six.test
times=$(count "guard: $far4.7 (helo mail.rich.test)")
check "told once more" told "$again" "$far4.7" mail.rich.test
check "one line a minute is enough" test "$(count "guard: $far4.7 (helo mail.rich.test)")" = "$times"

# --- the socket, by miltertest
check "miltertest: accepted, tempfailed, never with TLS" asked guard.lua "poor=$far4.7" "rich=$far4.9" plaintext=accept

# --- policies; habits outlive the change
check "plaintext = reject" reconfigure "${watched[@]}" 'plaintext = "reject"'
check "nobody comes without TLS" told "$refused" "$far4.7" mail.poor.test
check "not who has a habit either" told "$refused" "$far4.7" mail.rich.test
check "the exempt one may" taken "$far4.8" mail.poor.test
check "the server itself may" inside curl --silent --max-time 20 "smtp://$WORLD_BIND_MX4:25/here.test" \
    --mail-from a@far.test --mail-rcpt sink@bind.test --upload-file /etc/hostname --interface 127.0.0.1
check "miltertest: rejected" asked guard.lua "poor=$far4.7" "rich=$far4.9" plaintext=reject
check "back to tempfail: the habit is still known" reconfigure "${watched[@]}"
check "told to come again" told "$again" "$far4.7" mail.rich.test
check "as shipped" reconfigure 'minimum_sessions = 3'
check "mail is never refused" taken "$far4.7" mail.rich.test
check "only a line in the log" logged 'mail.rich.test) comes without TLS after [0-9]* sessions with it: accepted'
check "no trouble for Postfix" differs grep -E 'warning: milter|fatal|panic' "$WORLD_BIND_MAILLOG"
finish

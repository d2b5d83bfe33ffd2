#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The milter under everything at once: 1,000 connections that stand still, slow ones, nonsense, ones
# that hang up after each step; mail flows meanwhile, and nothing is left behind. Then at rest.
# shellcheck disable=SC2154,SC2016 # name, postfix and work are of what is sourced; inner shells expand
# shellcheck source=/dev/null
. "$(dirname "$0")/testlib.sh"

build=${DANEMILTER_BUILD:?the folder of the build}
up load --bind "$build"
# shellcheck source=/dev/null
. "$(dirname "$0")/far.sh"
socket=${postfix%/etc}/queue/danemilter/milter

pid() { # the daemon's half, as this instance numbers it
    inside sh -c 'for p in /proc/[0-9]*; do
        [ "$(cat "$p/comm" 2>/dev/null)" = danemilter ] || continue
        echo "$(sed -n "s/^Uid:[[:space:]]*\([0-9]*\).*/\1/p" "$p/status") ${p#/proc/}"; done' | sort -rn | awk 'NR == 1 { print $2 }'
}
files() { inside sh -c 'ls "/proc/$0/fd" | wc -l' "$(pid)"; }
threads() { inside sh -c 'ls "/proc/$0/task" | wc -l' "$(pid)"; }
anon() { inside sed -n 's/^RssAnon:[[:space:]]*\([0-9]*\).*/\1/p' "/proc/$(pid)/status"; }
mails() { inside smtp-source -s 4 -m "$1" -f load@sender.test -t sink@bind.test "$WORLD_BIND_MX4:25"; }
flood() { inside "$build/tests/milter/flood" "$socket" 1000 "$1" >"$work/flood" 2>&1; }
fewer_files() { [ "$(files)" -le $((files + 4)) ]; }

# As shipped: the waits of a real server, so that rest is rest.
configure
sed -i '/^policy {/,/^}/d' "$conf"
# As systemd gives it to services.
check "Postfix with few files" inside sh -c 'postfix -c "$0" stop; ulimit -Sn 1024; postfix -c "$0" start' "$postfix"
check "danemilter is entered" enter_postfix
check "without a milter mail is put off" inside postconf -c "$postfix" -e \
    'smtpd_milters={ unix:danemilter/milter, default_action=tempfail }'
check "reloaded" reload
check "it runs" within 15 logged 'Postfix is running'
check "mail flows" mails 20
check "room for thousands of sessions" inside sh -c \
    '[ "$(awk "/^Max open files/ { print \$4 }" "/proc/$0/limits")" -ge 4096 ]' "$(pid)"

# Once before anything is counted: threads, and what they keep.
check "a first flood" flood 2
few_files() { [ "$(files)" -lt 200 ]; }
check "its sessions are gone" within 20 few_files
files=$(files) anon=$(anon) before=$(pid)
m=$(wc -l <"$WORLD_BIND_MAILLOG")
flood 8 &
flood=$!
check "1,000 connections are there" within 10 grep -q ready "$work/flood"
check "files of as many" test "$(files)" -ge 1000
begin=$(now_ms)
check "mail flows" mails 400
echo "400 mails beside them in $(($(now_ms) - begin)) ms"
answered() { grep -F "runs as process $before" <<<"$(danectl status)"; }
check "danectl is answered" answered
wait "$flood"
status=$?
cat "$work/flood"
check "no connection was refused" test "$status" = 0
check "all mail was delivered" within 20 sh -c \
    '[ "$(tail -n "+$1" "$0" | grep -c "status=sent")" = 400 ]' "$WORLD_BIND_MAILLOG" "$((m + 1))"
check "smtpd never missed the milter" differs sh -c 'tail -n "+$1" "$0" | grep -E "warning: milter|4\\.7\\.1"' "$WORLD_BIND_MAILLOG" "$((m + 1))"
check "no file stays open" within 20 fewer_files
check "it is the same process" test "$(pid)" = "$before"
echo "files $files -> $(files), anonymous memory $anon -> $(anon) KiB, $(threads) threads"
check "memory does not grow" test "$(anon)" -le $((anon + 1024))
check "mail flows" mails 20

# --- at rest

check "started anew" inside postfix -c "$postfix" stop
check "started anew" inside postfix -c "$postfix" start
check "it runs" within 20 mails 1
sleep 6
# THREAD-NUMBER SWITCHES, as the process goes to sleep and is woken
switches() {
    inside sh -c 'for t in /proc/$0/task/*; do
        echo "${t##*/} $(sed -n "s/^voluntary_ctxt_switches:[[:space:]]*//p" "$t/status")"; done' "$(pid)"
}
switches >"$work/begin"
sleep 20
switches >"$work/end"
awk 'NR == FNR { was[$1] = $2; next } { d = $2 - was[$1]; all += d; print "  thread " $1 ": " d } END { print all " wake-ups in 20 s" }' \
    "$work/begin" "$work/end" | tee "$work/woken"
# Master's trigger comes two or three times (its thread; the main one, at once and when things have
# settled, and it asks the helper whether Postfix was reloaded), libmilter looks every 5 s.
check "no wake-ups of our own" test "$(awk 'END { print $1 }' "$work/woken")" -le 30
echo "at rest: $(anon) KiB of anonymous memory"
check "at most 8 MiB" test "$(anon)" -le 8192
finish

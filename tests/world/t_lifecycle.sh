#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Postfix's life, and ours with it: started, stopped, aborted, reloaded, as the first process of a
# container, killed; the line removed. Then everything that can be wrong at a start: it stays up, says it
# once, answers "danectl status", and master starts it once. Times are printed at the end, not judged.
# shellcheck disable=SC2154,SC2016 # name, postfix and work are of what is sourced; inner shells expand
# shellcheck source=/dev/null
. "$(dirname "$0")/testlib.sh"

up lifecycle --bind "${DANEMILTER_BUILD:?the folder of the build}"
# shellcheck source=/dev/null
. "$(dirname "$0")/far.sh"
queue=${postfix%/etc}/queue

# "PID PPID UID" of each danemilter, as the processes of this instance are numbered
processes() {
    inside sh -c 'cat /proc/[0-9]*/status 2>/dev/null' | awk '
        $1 == "Name:" { name = $2 }
        $1 == "State:" { state = $2 }
        $1 == "Pid:" { pid = $2 }
        $1 == "PPid:" { parent = $2 }
        $1 == "Uid:" && name == "danemilter" && state != "Z" { print pid, parent, $2 }'
}
daemon() { processes | awk '$3 != 0 { print $1; exit }'; }
helper() { processes | awk '$3 == 0 { print $1; exit }'; }
gone() { [ -z "$(processes)" ]; }
there() { [ -n "$(daemon)" ] && [ "$(daemon)" != "${1:-0}" ]; }
answers() { inside sh -c 'echo QUIT | nc -w 2 -U "$0" >/dev/null 2>&1 || test -S "$0"' "$queue/danemilter/milter"; }
# The first process of a container counts its children from 1.
contained() { there && answers && danectl status | grep -F 'runs as process'; }
works() { there "$@" && answers && danectl status | grep -F "runs as process $(daemon)"; }
mails() { inside smtp-source -s 2 -m 10 -t sink@bind.test "$WORLD_BIND_MX4:25"; }

# timed WHAT SECONDS DONE COMMAND... : the command, then waits until DONE (a word or two) is true
table=
timed() {
    local what=$1 seconds=$2 done=$3 begin
    shift 3
    begin=$(now_ms)
    check "$what" "$@"
    # shellcheck disable=SC2086
    check "$what: $done" within "$seconds" $done
    table+=$(printf '%-34s %6d ms' "$what" $(($(now_ms) - begin)))$'\n'
}

configure
check "danemilter is entered" enter_postfix
check "it works" within 20 works
timed 'postfix stop' 10 gone inside postfix -c "$postfix" stop
timed 'postfix start' 20 works inside postfix -c "$postfix" start
check "mail flows" mails
before=$(count 'Postfix was reloaded')
timed 'postfix reload' 10 "logged Postfix.was.reloaded $before" reload
before=$(daemon)
timed 'danemilter killed' 30 "works $before" inside kill -9 "$before"
before=$(daemon)
timed 'its helper killed' 30 "works $before" inside kill -9 "$(helper)"
check "mail flows" mails
timed 'postfix abort' 10 gone inside postfix -c "$postfix" abort
check "Postfix is started" within 30 inside postfix -c "$postfix" start
check "it works" within 20 works
timed 'master killed' 10 gone inside sh -c 'kill -9 $(cat "$0")' "$queue/pid/master.pid"

# --- as in a container: postfix start-fg is the first process of its namespace

in_container() { inside unshare --pid --fork --kill-child --mount-proc -- postfix -c "$postfix" start-fg; }
container_starts() {
    # Postfix refuses to start while an orphan of its own works; they end within seconds.
    within 30 inside sh -c '! postfix -c "$0" status 2>/dev/null' "$postfix"
    in_container >"$work/start-fg" 2>&1 &
    container=$!
}
timed 'postfix start-fg as PID 1' 30 contained container_starts
check "mail flows" mails
first() { # master, as this instance numbers it
    inside sh -c 'grep -l "^NSpid:.*[[:space:]]1$" /proc/[0-9]*/status' | sed 's#/proc/\([0-9]*\)/.*#\1#' |
        while read -r pid; do [ "$(inside cat "/proc/$pid/comm")" = master ] && echo "$pid"; done
}
timed 'SIGTERM to PID 1' 15 gone inside kill -TERM "$(first)"
wait "$container" 2>/dev/null

check "Postfix is started" within 30 inside postfix -c "$postfix" start
check "it works" within 20 works
timed 'the line removed, reload' 10 gone inside sh -c 'postconf -c "$0" -MX danemilter/unix && postfix -c "$0" reload' "$postfix"
check "mail flows without it" mails

# --- what is wrong at a start

entered() { # entered : anew, after whatever was broken
    inside postconf -c "$postfix" -Me "danemilter/unix=danemilter unix - n n 10 1 danemilter -C $conf" && reload
}
left() { inside sh -c 'postconf -c "$0" -MX danemilter/unix && postfix -c "$0" reload' "$postfix" && within 10 gone; }
status_says() { grep -F -- "$1" <<<"$(danectl status 2>&1)"; }
starts() { grep -c 'danemilter\[.*\(started\|nothing is renewed\)' "$WORLD_BIND_MAILLOG"; }

# broken WHAT PATTERN-IN-LOG WORDS-OF-STATUS BREAK MEND
broken() {
    local what=$1 pattern=$2 words=$3 one before started
    eval "$4"
    before=$(count "$pattern") started=$(starts)
    check "$what: entered" entered
    check "$what: the log says it" within 10 logged "$pattern" "$before"
    one=$(daemon)
    check "$what: without privileges" test -n "$one"
    check "$what: danectl status says it" within 5 status_says "$words"
    check "$what: the same process" test "$(daemon)" = "$one"
    check "$what: said once" test "$(count "$pattern")" = $((before + 1))
    check "$what: started once" test "$(starts)" = $((started + 1))
    check "$what: mail flows" mails
    eval "$5"
    started=$(count ' started')
    check "$what, mended: reloaded" reload
    check "$what, mended: it works" within 20 works
    check "$what, mended: it was started" test "$(count ' started')" = $((started + 1))
    check "$what, mended: status says nothing of it" differs status_says "$words"
    check "$what: left" left
}
cp "$conf" "$work/good.conf"
owner=$(inside stat -c %U "$work/state") # used below, in what is to be broken
export owner
broken 'configuration' 'nothing is renewed.*mend the configuration' 'poll' \
    'sed -i "s/poll = \"250ms\"/poll = \"often\"/" "$conf"' 'cp "$work/good.conf" "$conf"'
broken 'no configuration' 'nothing is renewed.*there is no configuration' 'danemilter.conf' \
    'mv "$conf" "$work/away"' 'mv "$work/away" "$conf"'
broken 'trust anchor' 'nothing is renewed.*no-such-anchor' 'no-such-anchor' \
    'sed -i "s#^trust_anchor = .*#trust_anchor = \"$work/no-such-anchor\"#" "$conf"' 'cp "$work/good.conf" "$conf"'
broken 'state of somebody else' "$work/state" "$work/state" \
    'inside chown daemon "$work/state"' 'inside chown "$owner" "$work/state"'
broken 'database' 'state.db' 'state.db' \
    'inside sh -c "mkdir \$0/kept; mv \$0/state.db* \$0/kept; echo nonsense-nonsense-nonsense >\$0/state.db; chown $owner \$0/state.db; chmod 600 \$0/state.db" "$work/state"' \
    'inside sh -c "rm -f \$0/state.db*; mv \$0/kept/* \$0; rmdir \$0/kept" "$work/state"'
check "master never put it off" differs grep -E 'master.*danemilter.*(throttl|bad command|exit status)' "$WORLD_BIND_MAILLOG"
printf '\n%s' "$table"
finish

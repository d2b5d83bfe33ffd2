#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Life under a real Postfix's master(8): started by it, riding through its reloads without a refused
# session, gone with it, back after every kill; configurations that are broken, changed, mended; two
# daemons on one state. Times are printed, outcomes are judged.
# shellcheck disable=SC2154,SC2016 # name, world_folder and output are of testlib.sh; inner shells expand
# shellcheck source=/dev/null
. "$(dirname "$0")/testlib.sh"

build=${DANEMILTER_BUILD:?the folder of the build}
up master --bind "$build"
work=$WORLD_DIR/tmp/master
mkdir -p "$work"
conf=$work/danemilter.conf
postfix=$WORLD_BIND_POSTFIX
queue=${postfix%/etc}/queue
log=${postfix%/etc}/mail.log
other=$WORLD_PDNS_POSTFIX
other_log=${other%/etc}/mail.log
chmod 600 "$WORLD_BIND_CHAIN"

configure() { # configure PAST_TTL [LINE...]
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
    past_ttl = "$1"
    floor = "3s"
    sender_timeout = "2s"
    commit_window = "3s"
    attest_every = "500ms"
}
END
}

edit() { inside postconf -c "$postfix" "$@"; }
reload() { inside postfix -c "${1:-$postfix}" reload; }

# Processes by name: "PID PPID UID", one a line; zombies do not count.
processes() {
    inside sh -c 'cat /proc/[0-9]*/status 2>/dev/null' | awk '
        $1 == "Name:" { name = $2 }
        $1 == "State:" { state = $2 }
        $1 == "Pid:" { pid = $2 }
        $1 == "PPid:" { parent = $2 }
        $1 == "Uid:" && name == "danemilter" && state != "Z" { print pid, parent, $2 }'
}
master() { tr -d ' ' <"${1:-$queue}/pid/master.pid"; }
daemon() { processes | awk -v m="$(master "${1:-$queue}")" '$2 == m { print $1 }'; }
helper() { processes | awk -v d="$(daemon)" '$2 == d && $3 == 0 { print $1 }'; }
uid_of() { processes | awk -v p="$1" '$1 == p { print $3 }'; }
none() { [ -z "$(processes)" ]; }
another() { # another PID: the daemon is there, and is another one, with its helper
    local now
    now=$(daemon) && [ -n "$now" ] && [ "$now" != "$1" ] && [ -n "$(helper)" ]
}

mark=0
remember() { mark=$(stat -c %s "$log"); }
said() { tail -c "+$((mark + 1))" "$log" | grep -F -- "$1"; }
silent_about() { ! said "$1"; }
times_said() { tail -c "+$((mark + 1))" "$log" | grep -cF -- "$1"; }
other_said() { grep -F -- "$1" "$other_log"; }

status_says() { inside "$build/danectl" -c "$conf" status | grep -F -- "$1"; }

install_line() { printf 'danemilter unix - n n %s 1 danemilter -C %s\n' "$1" "$conf"; }

# --- installed by one line each

folder=$(inside postconf -c "$postfix" -hx daemon_directory)
configure 5s
check "the binary is in daemon_directory" inside install -m 755 "$build/danemilter" "$folder/danemilter"
install_line 10 >>"$postfix/master.cf"
# So that a session without a milter is seen; an administrator takes "accept".
check "one line in main.cf" edit -e 'smtpd_milters={ unix:danemilter/milter, default_action=tempfail }'

check "Postfix is stopped" world stop "$name" mx-bind
remember
check "Postfix is started" inside postfix -c "$postfix" start
check "danemilter runs" within 20 another 0
check "it says so in the mail log" within 10 said "mx-bind/danemilter[$(daemon)]: danemilter "
check "it has no privileges" differs test "$(uid_of "$(daemon)")" = 0
check "the helper has" test "$(uid_of "$(helper)")" = 0
# By what they are: a number is soon that of a pipe of its own, to a postconf that it asks.
ends() { inside ls -l "/proc/$1/fd" | grep -oE '(socket|pipe):\[[0-9]+\]' | sort -u; }
shared() { comm -12 <(ends "$1") <(ends "$2") | grep .; }
check "the daemon has descriptors of master's" shared "$(daemon)" "$(master)"
check "the helper let go of them" differs shared "$(helper)" "$(master)"
check "danectl reaches it" within 10 status_says "runs as process $(daemon)"
check "the control socket's folder lets the group pass" \
    test "$(inside stat -c '%a %G' "$work/run")" = '710 daemon'
check "the milter's socket is the mail owner's to use" \
    test "$(inside stat -c '%a %G' "$queue/danemilter/milter")" = '660 postfix'
check "others cannot enter its folder" test "$(inside stat -c %a "$queue/danemilter")" = 2710
check "postfix check has nothing to say about it" inside sh -c \
    "! postfix -c $postfix check 2>&1 | grep -i danemilter"

# --- sessions, and reloads under load

deliver() { # deliver N: N mails in sessions of their own, all accepted
    inside smtp-source -s 4 -m "$1" -f load@sender.test -t sink@bind.test "$WORLD_BIND_MX4:25"
}
check "mail passes the milter" deliver 20

load() { # until the file is there; each line: ok or refused
    while [ ! -e "$work/enough" ]; do
        if deliver 50 >>"$work/load.err" 2>&1; then echo ok; else echo refused; fi
    done >"$work/load"
}
before=$(daemon)
remember
load &
loader=$!
for ((i = 1; i <= 5; i++)); do
    check "reload $i under load" reload
    check "reload $i is noticed" within 15 eval "[ \$(times_said 'Postfix was reloaded') -ge $i ]"
done
touch "$work/enough"
wait "$loader"
echo "load: $(grep -c ok "$work/load") x 50 mails accepted, $(grep -c refused "$work/load") runs refused"
sed 's/^/  | /' "$work/load.err"
check "mails were accepted all the time" grep -q ok "$work/load"
check "no session was refused" differs grep -q refused "$work/load"
check "smtpd never missed the milter" silent_about "connect to Milter service"
check "it is the same process" test "$(daemon)" = "$before"
check "master had nothing to complain about" silent_about "master[$(master)]: warning"

# --- killed: either half, and master

before=$(daemon)
check "the daemon is killed" inside kill -9 "$before"
check "it is back, with another helper" within 30 another "$before"
before=$(daemon)
check "the helper is killed" inside kill -9 "$(helper)"
check "both are back" within 30 another "$before"
check "it works" within 20 status_says "runs as process $(daemon)"
check "mail passes the milter" deliver 20
check "master is killed" inside kill -9 "$(master)"
check "both halves end" within 10 none
# Postfix refuses to start while an orphan of its own works; they end within seconds.
check "Postfix is started again" within 60 inside postfix -c "$postfix" start
check "danemilter runs" within 20 another 0
check "Postfix is stopped" inside postfix -c "$postfix" stop
check "both halves end" within 10 none
check "Postfix is started" inside postfix -c "$postfix" start
check "danemilter runs" within 20 another 0
check "Postfix is ended at once" inside postfix -c "$postfix" abort
check "both halves end" within 10 none
check "Postfix is started" inside postfix -c "$postfix" start
check "danemilter runs" within 20 another 0

# --- the configuration: broken, mended, changed

before=$(daemon)
configure 5x
remember
check "reloaded with a broken configuration" reload
check "the mail log names the line" within 15 said "$conf:$(grep -n past_ttl "$conf" | cut -d: -f1): past_ttl"
check "it goes on with the old one" within 5 said "goes on with the configuration that it has"
check "it is the same process" test "$(daemon)" = "$before"

remember
check "the daemon is killed" inside kill -9 "$before"
check "the next one says what is wrong" within 30 said "nothing is renewed and nothing is watched"
idle=$(daemon)
check "it has no privileges" differs test "$(uid_of "$idle")" = 0
sleep 5
check "it stays as it is: no circle of starts" test "$(daemon)" = "$idle"
check "it was said once" test "$(times_said 'nothing is renewed')" = 1

configure 5s
check "reloaded with a mended configuration" reload
check "it works again" within 20 another "$idle"

before=$(daemon)
configure 6s
remember
check "reloaded with a changed configuration" reload
check "it is noticed" within 15 said "starting anew"
check "it was started anew" within 20 another "$before"
before=$(daemon)
configure 7s
remember
check "reloaded with a changed configuration again" reload
check "it was started anew" within 20 another "$before"
check "master had nothing to complain about" silent_about "master[$(master)]: warning"

# A wakeup of ten minutes shows that whoever ends because of a reload is not waiting for it.
sed -i '/^danemilter /d' "$postfix/master.cf"
install_line 600 >>"$postfix/master.cf"
before=$(daemon)
check "reloaded with a long wakeup" reload
configure 8s
sleep 2
before=$(daemon)
inside kill -9 "$before" "$(helper)"
check "reloaded, which starts it" reload
check "danemilter runs" within 20 another "$before"
before=$(daemon)
configure 9s
check "reloaded with a changed configuration" reload
check "it was started anew at once" within 20 another "$before"

# --- the binary was replaced

before=$(daemon)
remember
check "another binary is put in its place" inside sh -c \
    "install -m 755 '$build/danemilter' '$folder/danemilter.new' && mv '$folder/danemilter.new' '$folder/danemilter'"
sed -i '/^danemilter /d' "$postfix/master.cf"
install_line 10 >>"$postfix/master.cf"
check "reloaded" reload
check "it was started anew" within 30 another "$before"

# --- two on one state

remember
check "a second one in the foreground is refused" differs \
    inside timeout 20 "$build/danemilter" -f -c "$conf"
install_line 10 >>"$other/master.cf"
check "a second one under another master" reload "$other"
check "says why it does nothing" within 20 other_said "another danemilter (process $(daemon)) works on"
second=$(daemon "${other%/etc}/queue")
sleep 4
check "it stays up" test "$(daemon "${other%/etc}/queue")" = "$second"
check "the first one goes on" status_says "runs as process $(daemon)"
check "the first one's milter too" deliver 20

# --- the line is removed

sed -i '/^danemilter /d' "$postfix/master.cf"
check "the line is removed" reload
gone() { [ -z "$(daemon)" ]; }
check "it ends" within 10 gone
check "the second one takes over" within 20 status_says "runs as process $second"

finish

#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The end of an installation: `danectl leave` under a real Postfix. The plan changes nothing; --apply
# takes danemilter out of Postfix first and its records out of DNS then, keeps the chain file, and a
# sender of level dane sees no gap. Asked again, it waits until caches have forgotten. `make
# uninstall` refuses until then.
# shellcheck disable=SC2154,SC2016 # name and output are of testlib.sh; inner shells expand
# shellcheck source=/dev/null
. "$(dirname "$0")/testlib.sh"

build=${DANEMILTER_BUILD:?the folder of the build}
up life --bind "$build"
work=$WORLD_DIR/tmp/life
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

danectl() { inside "$build/danectl" -c "$conf" "$@"; }
records() { inside dig +short "@$WORLD_BIND_NS1_4" "$WORLD_BIND_TLSA" TLSA; }
number() { [ "$(records | grep -c .)" -ge "$1" ]; }
no_records() { [ -z "$(records)" ]; }
service() { [ -n "$(inside postconf -c "$postfix" -M danemilter/unix)" ]; }
runs() { inside sh -c 'cat /proc/[0-9]*/comm 2>/dev/null' | grep -x danemilter >/dev/null; }
says() { # says WORDS COMMAND...
    local words=$1 text
    shift
    text=$("$@" 2>&1) # whatever its status
    printf '%s\n' "$text" >>"$work/said"
    grep -qF -- "$words" <<<"$text"
}

# Installed as from a clone, with the configuration where danectl looks for it.
folder=$(inside postconf -c "$postfix" -hx daemon_directory)
make_it() { inside env -u MAKEFLAGS -u MAKELEVEL make -C "$build" --no-print-directory "daemon_directory=$folder" "$@"; }
installed() { inside sh -c 'find /usr/local "$0/danemilter" -type f 2>/dev/null | sort' "$folder"; }
uninstall_refused() { # uninstall_refused WORDS ARGUMENT...
    local words=$1
    shift
    differs make_it uninstall "$@" 2>"$work/refused" && grep -F -- "$words" "$work/refused" && [ "$(installed)" = "$files" ]
}
every_target_asks() { # each one that removes files, by make's own list of what it would do
    local target
    for target in $(sed -n '/^uninstall-am:/,/^\t@/p' "$build/Makefile" | grep -o 'uninstall-[a-zA-Z_]*[A-Z]'; grep -o 'uninstall-man[0-9]' "$build/Makefile" | sort -u); do
        make_it -n "$target" | grep 'lib/in-use' >/dev/null || { echo "$target does not ask"; return 1; }
    done
    [ -n "$target" ]
}
check "make install" make_it install
inside sh -c "mkdir -m 755 /etc/danemilter && cp '$conf' /etc/danemilter/"
files=$(installed)
check "programs, manuals and documents" test "$(wc -l <<<"$files")" -gt 6
check "each target of uninstall asks first" every_target_asks
check "the binary is in daemon_directory" inside install -m 755 "$build/danemilter" "$folder/danemilter"
printf 'danemilter unix - n n 10 1 danemilter -C %s\n' "$conf" >>"$postfix/master.cf"
check "beside another milter" inside postconf -c "$postfix" -e \
    'smtpd_milters={ unix:danemilter/milter, default_action=accept }, inet:192.0.2.99:1'
inside postconf -c "$postfix" -e 'milter_default_action=accept'
check "reload" inside postfix -c "$postfix" reload
check "standbys are published" within 25 number 4

check "make uninstall refuses: master.cf names us" uninstall_refused "still names danemilter"
check "with -k -j4, too" uninstall_refused "FORCE=yes" -k -j4
staged() { make_it install DESTDIR="$work/stage" && make_it uninstall DESTDIR="$work/stage"; }
check "below a DESTDIR it does not ask" staged
check "and takes away all of it" test -z "$(find "$work/stage" -type f)"

# --- the plan
before=$(records | sort)
main=$(inside postconf -c "$postfix" -n)
chain=$(cksum <"$WORLD_BIND_CHAIN")
check "the plan names the records" says "withdrawn" danectl leave
check "the plan names the line of master.cf" says "-MX danemilter/unix" danectl leave
check "the plan names what depends on what" says "Renew it with the same key" danectl leave --keep-records
check "the records are as they were" test "$(records | sort)" = "$before"
check "main.cf is as it was" test "$(inside postconf -c "$postfix" -n)" = "$main"
check "the service is there" service

# --- somebody else's record that the chain does not match would be left alone
digest=$(printf '%064d' 7)
check "a stray record" inside sh -c "printf 'server %s\nupdate add %s 2 TLSA 3 1 1 %s\nsend\n' \
    $WORLD_BIND_NS1_4 $WORLD_BIND_TLSA $digest | nsupdate -k $WORLD_TSIG_FILE"
check "leave refuses" says "is not ours" danectl leave --apply
check "before it touches Postfix" service
check "or a record" number 5
check "it goes" inside sh -c "printf 'server %s\nupdate delete %s TLSA 3 1 1 %s\nsend\n' \
    $WORLD_BIND_NS1_4 $WORLD_BIND_TLSA $digest | nsupdate -k $WORLD_TSIG_FILE"

# --- done
m=$(world mark "$name")
world send "$name" bind.test 3 >/dev/null
chain=$(cksum <"$WORLD_BIND_CHAIN")
check "leave" danectl leave --apply
world send "$name" bind.test 3 >/dev/null
check "the daemon is gone" within 5 differs runs
check "its line is gone" differs service
check "the other milter stays" test \
    "$(inside postconf -c "$postfix" -h smtpd_milters)" = inet:192.0.2.99:1
check "the records are gone" no_records
check "the chain file is the same" test "$(cksum <"$WORLD_BIND_CHAIN")" = "$chain"
check "asked again, it says how long" says "until then change neither" danectl leave --apply
check "so does make uninstall" uninstall_refused "leave is not through"
check "until caches have forgotten" within 20 says "main.cf keeps naming the chain file" danectl leave --apply
verdict=$(world verdict "$name" --wait 20 "$m")
echo "$verdict"
check "no mail was deferred" grep -q 'messages=6 sent=6 deferred=0' <<<"$verdict"
check "make uninstall: leave is through" make_it uninstall
check "nothing is left of it" test -z "$(installed)"
check "but the state" test -s "$work/state/state.db"
grep -v 'caches may\|until then\|Then "' "$work/said" | sed 's/^/  | /'
finish

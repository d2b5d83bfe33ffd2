# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash disable=SC2034,SC2119,SC2120
#
# rollover.sh - what the rollover tests and the demo share: danemilter in a mail world, the prober
# and real mail beside it. Sourced. The caller may set before roll_up:
#
#   zones      "bind", "pdns" or "bind pdns": each has a Postfix, and each Postfix a danemilter of
#              its own, with state and run folders apart, as on two machines
#   issuer     acme (pebble) or selfsigned
#   provider   of the zone pdns: powerdns (its HTTP API) or rfc2136; bind.test is rfc2136's
#   style      master: the receiving Postfix's master(8) starts it, it logs to the mail log
#              foreground: `danemilter -f`, started from here, log in $dm/log
#   strategy   standby, reuse or fresh
#
# Functions without a zone work on the one that roll_use chose last (roll_up: the first): its
# values are in zone domain mx ns1 ns2 ns1_6 ns2_6 postfix chain maillog dm. dm is a folder of ours.

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
world=$here/world
build=${DANEMILTER_BUILD:?set DANEMILTER_BUILD to the build folder}
name=${ROLL_NAME:-roll$$}
zones=${zones:-${zone:-bind}}
issuer=${issuer:-acme}
provider=${provider:-powerdns}
style=${style:-master}
strategy=${strategy:-standby}
declare -A daemon_pids=() prober_pids=() probes=()
tail_pids=() mail_pid=''

roll_note() { printf '%s\n' "$*"; }
roll_die() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

# One value of the world: roll_get BIND_MX4
roll_get() { printf '%s\n' "$environment" | sed -n "s/^WORLD_$1=//p"; }

roll_up() {
    local each
    "$world" up "$name" --bind "$build" "$@" || roll_die 'the mail world did not come up'
    environment=$("$world" env "$name") || roll_die 'the mail world has no environment'
    dir=$(roll_get DIR)
    resolver=$(roll_get RESOLVER4)
    anchor=$(roll_get TRUST_ANCHOR)
    tsig=$(roll_get TSIG_FILE)
    for each in $zones; do
        roll_use "$each"
        (umask 022 && mkdir -p "$dm") || roll_die "$dm could not be made"
        : >"$dm/log"
        chmod 0600 "$chain" # it holds private keys; danemilter refuses what others may read
    done
    roll_use "${zones%% *}"
}

roll_use() {
    zone=$1
    domain=$zone.test
    dm=$dir/tmp/dm-$zone
    mx=$(roll_get "${zone^^}_MX")
    ns1=$(roll_get "${zone^^}_NS1_4")
    ns2=$(roll_get "${zone^^}_NS2_4")
    ns1_6=$(roll_get "${zone^^}_NS1_6")
    ns2_6=$(roll_get "${zone^^}_NS2_6")
    postfix=$(roll_get "${zone^^}_POSTFIX")
    chain=$(roll_get "${zone^^}_CHAIN")
    maillog=$(roll_get "${zone^^}_MAILLOG")
}

# roll_each COMMAND...: for each zone in turn; stops at the first failure
roll_each() {
    local each
    for each in $zones; do
        roll_use "$each"
        "$@" || return 1
    done
}

roll_in() { "$world" exec "$name" "$@"; }

# --- the configuration

roll_config_dns() {
    echo 'dns "primary" {'
    if [ "$zone" = pdns ] && [ "$provider" = powerdns ]; then
        cat <<END
    provider = "powerdns"
    url = "http://$ns1:8081"
    api_key_file = "$(roll_get PDNS_API_KEY_FILE)"
END
    else
        cat <<END
    provider = "rfc2136"
    server = "$ns1"
    key_file = "$tsig"
END
    fi
    printf '    zone = "%s"\n}\n' "$domain"
}

# Budgets for lives of seconds.
roll_config_acme() {
    [ "$issuer" = acme ] || return 0
    cat <<END
acme "pebble" {
    directory = "$(roll_get PEBBLE_DIRECTORY)"
    ca_file = "$(roll_get PEBBLE_CA)"
    contact = {"postmaster@$domain"}
    agree = yes
    orders_per_hour = 1000
    certificates_per_week = 100000
}
END
}

# roll_config KEYS EVERY [LINES FOR renew { } [LINES AT THE TOP]]: with times of seconds
roll_config() {
    local keys=$1 every=$2 renew=${3:-} top=${4:-}
    umask 022
    cat >"$dm/danemilter.conf" <<END
state_dir = "$dm/state"
run_dir = "$dm/run"
user = "danemilter"
trust_anchor = "$anchor"
root_hints = "$dir/root-hints"
$top

$(roll_config_dns)
$(roll_config_acme)

certificate "$mx" {
    names = {"$mx"}
    keys = {$keys}
    issuer = "$issuer"
    $([ "$issuer" != acme ] || echo 'ca = "pebble"')
    chain_file = "$chain"
    strategy = "$strategy"
    tlsa {
        hosts = {"$mx"}
        ports = {"25"}
        records = {"3 1 1"}
        ttl = 2
        dns = "primary"
    }
    renew {
        every = "$every"
        $renew
    }
    deploy { postfix_config = "$postfix" }
}

policy {
    poll = "250ms"
    silence = "30s"
    past_ttl = "5s"
    floor = "3s"
    sender_timeout = "2s"
    commit_window = "3s"
    attest_every = "500ms"
}
END
}

# --- start, stop, kill

# The real binary in Postfix's own folder, inside the world's overlay only; one line in master.cf,
# one in main.cf.
roll_install() {
    local folder
    folder=$(roll_in postconf -c "$postfix" -hx daemon_directory) || roll_die 'no daemon_directory'
    # Once: a program that was replaced is started anew at the next reload.
    roll_in cmp -s "$build/danemilter" "$folder/danemilter" ||
        roll_in install -m 755 "$build/danemilter" "$folder/danemilter" ||
        roll_die "danemilter could not be installed into $folder"
    printf 'danemilter unix - n n 10 1 danemilter -C %s\n' "$dm/danemilter.conf" \
        >>"$postfix/master.cf"
    roll_in postconf -c "$postfix" -e \
        'smtpd_milters = { unix:danemilter/milter, default_action=accept }' ||
        roll_die "main.cf in $postfix could not be changed"
}

# In the foreground: the daemon itself. Under master: a Postfix stopped before, started as always.
roll_start() {
    if [ "$style" = foreground ]; then
        roll_in sh -c "echo \$\$ >'$dm/pid'; exec '$build/danemilter' -f -c '$dm/danemilter.conf'" \
            >>"$dm/log" 2>&1 </dev/null &
        daemon_pids[$zone]=$!
        return
    fi
    grep -q '^danemilter ' "$postfix/master.cf" || {
        roll_install
        roll_follow
    }
    "$world" stop "$name" "mx-$zone" || roll_die "the Postfix of $domain does not stop"
    "$world" start "$name" "mx-$zone" || roll_die "the Postfix of $domain does not start"
}

# What danemilter and master(8) say, out of a mail log with thousands of lines of others, into
# $dm/log as it comes.
roll_follow() {
    tail -n 0 -F "$maillog" 2>/dev/null > >(exec grep --line-buffered -E \
        '/(danemilter|master|postfix-script)\[' >>"$dm/log") &
    tail_pids+=($!)
}

# roll_pids: "daemon PID" and "helper PID", those that live. The daemon is a child of master (or
# what we started), the helper a child of the daemon.
roll_pids() {
    local parent
    if [ "$style" = foreground ]; then
        parent=$(cat "$dm/pid" 2>/dev/null) # sh became the daemon
    else
        parent=$(tr -d ' ' <"${postfix%/etc}/queue/pid/master.pid")
    fi
    # A process that ends while we look is gone, no error.
    # shellcheck disable=SC2016
    roll_in sh -c 'cat /proc/[0-9]*/status 2>/dev/null' | awk -v parent="$parent" -v style="$style" '
        $1 == "Name:" { name = $2 }
        $1 == "State:" { state = $2 }
        $1 == "Pid:" { pid = $2 }
        $1 == "PPid:" && name == "danemilter" && state != "Z" { above[pid] = $2 }
        END {
            for (pid in above)
                if (style == "foreground" ? pid == parent : above[pid] == parent)
                    daemon = pid
            if (!daemon)
                exit
            print "daemon", daemon
            for (pid in above)
                if (above[pid] == daemon)
                    print "helper", pid
        }'
}
roll_pid() { roll_pids | sed -n "s/^${1:-daemon} //p"; }

# roll_kill SIGNAL [daemon|helper|both]
roll_kill() {
    local which=${2:-both} pids
    pids=$(roll_pids | awk -v which="$which" 'which == "both" || $1 == which { print $2 }')
    # One of them may end by itself, because the other did.
    # shellcheck disable=SC2086
    [ -z "$pids" ] || roll_in kill -s "$1" $pids 2>/dev/null || :
}

# roll_respawned OLD-DAEMON-PID: another daemon with a helper lives
roll_respawned() {
    local now
    now=$(roll_pids)
    case "$now" in
    *helper*) [ "$(printf '%s\n' "$now" | sed -n 's/^daemon //p')" != "$1" ] ;;
    *) return 1 ;;
    esac
}

roll_stop() {
    if [ "$style" = foreground ]; then
        [ -n "${daemon_pids[$zone]:-}" ] || return 0
        roll_kill TERM daemon
        wait "${daemon_pids[$zone]}" 2>/dev/null
        unset "daemon_pids[$zone]"
    else
        "$world" stop "$name" "mx-$zone"
    fi
}

# --- questions

roll_danectl() { roll_in "$build/danectl" -c "$dm/danemilter.conf" "$@"; }
roll_status() { roll_danectl status; }

# The log's lines of danemilter, of this zone
roll_lines() {
    if [ "$style" = foreground ]; then cat "$dm/log"; else grep -F '/danemilter[' "$dm/log"; fi
}

# roll_until SECONDS WHAT COMMAND...: asks again every tenth of a second
roll_until() {
    local seconds=$1 what=$2 begin=$SECONDS
    shift 2
    until "$@"; do
        if [ $((SECONDS - begin)) -gt "$seconds" ]; then
            printf '%s: not within %s s: %s\n' "$zone" "$seconds" "$what" >&2
            roll_lines | tail -n 25 >&2
            return 1
        fi
        sleep 0.1
    done
}

roll_logged() { roll_lines | grep -- "$1" >/dev/null; }

# How many rollovers are complete: those of the algorithm that has fewer. With one key for ever,
# new certificates count.
roll_count() {
    if [ "$strategy" = reuse ]; then
        roll_lines | grep -c ' switched: '
        return
    fi
    roll_lines | awk '
        / p256 key [0-9]* is committed/ { a++ }
        / rsa2048 key [0-9]* is committed/ { b++ }
        END { print (a < b ? a : b) + 0 }'
}
roll_reached() { [ "$(roll_count)" -ge "$1" ]; }

# The first publication is seen by every sender: the negative answers are out of the caches.
roll_published() {
    roll_until 60 'the first publication' roll_logged ' is confirmed'
}
roll_all_published() {
    roll_each roll_published || return 1
    sleep 6 # 2 x (TTL + 1): resolvers' and Postfix's own caches of "no TLSA here"
}

# --- the prober

roll_probe() {
    rm -f "$dm/enough" "$dm/probing"
    roll_in "$build/prober" --resolver "$resolver" --auth "$ns1" --auth "$ns2" \
        --auth "$ns1_6" --auth "$ns2_6" --until-file "$dm/enough" --ready-file "$dm/probing" \
        --log "$dm/prober.log" "$@" "$mx" \
        >"$dm/prober.out" 2>"$dm/prober.err" </dev/null &
    prober_pids[$zone]=$!
    roll_until 30 'a probe of each address and algorithm' test -e "$dm/probing" || exit 1
}

# Ends the prober: its result line is in probes[$zone], its status is ours. Not for a subshell,
# which could not wait for it.
roll_probed() {
    local status
    : >"$dm/enough"
    wait "${prober_pids[$zone]}"
    status=$?
    unset "prober_pids[$zone]"
    probes[$zone]=$(grep '^probes=' "$dm/prober.out")
    if [ "$status" -ne 0 ]; then
        cat "$dm/prober.err" >&2
        printf 'the prober ended with status %s\n' "$status" >&2
        tail -n 40 "$dm/prober.log" >&2
    fi
    return "$status"
}

# --- mail

# One mail a second to each zone, from the sending Postfix.
roll_mail() {
    local each
    mark=$("$world" mark "$name")
    while :; do
        for each in $zones; do
            "$world" send "$name" "$each.test" 1 >/dev/null || exit 1
        done
        sleep 1
    done &
    mail_pid=$!
}

# Ends the mails: what became of them is in $mails; true when each was Verified at the first try.
roll_mailed() {
    kill "$mail_pid" 2>/dev/null
    wait "$mail_pid" 2>/dev/null
    mail_pid=''
    mails=$("$world" verdict "$name" --wait 20 "$mark")
    case "$mails" in
    'messages=0 '*) return 1 ;;
    *' deferred=0 bounced=0 '*' trusted=0 untrusted=0 anonymous=0 plain=0 pending=0') ;;
    *) return 1 ;;
    esac
}

# --- the log on the screen

# The lines of $dm/log on standard input, told as "HH:MM:SS zone  what".
roll_tell() {
    local line time text
    while IFS= read -r line; do
        case $line in
        [0-9]*) # of danemilter in the foreground: 2026-11-23 21:54:48.830 text
            time=${line#* } text=${line#* * }
            ;;
        *']: '*) # of the mail log: Nov 23 21:54:48 host service[pid]: text
            time=${line:7} text=${line#*']: '}
            case ${line%%'['*} in
            */danemilter) ;;
            *) text="(Postfix) $text" ;;
            esac
            ;;
        *) time='' text=$line ;;
        esac
        printf '%.8s %s%s\n' "$time" "$1" "${text/"$2: "/}"
    done
}

# Shows what danemilter says as it says it, of all zones.
roll_watch() {
    local each label
    for each in $zones; do
        roll_use "$each"
        label=''
        [ "$each" = "$zones" ] || printf -v label '%-5s' "$each"
        tail -n +1 -f "$dm/log" > >(roll_tell "$label" "$mx") &
        tail_pids+=($!)
    done
}

# Ends that, with what there is still to show.
roll_unwatch() {
    local each
    [ ${#tail_pids[@]} -gt 0 ] || return 0
    sleep 1 # tail -f looks once a second
    for each in "${tail_pids[@]}"; do
        kill "$each" 2>/dev/null # its reader then comes to the end
    done
    wait "${tail_pids[@]}" 2>/dev/null
    tail_pids=()
}

roll_down() {
    local each
    for each in "${!daemon_pids[@]}"; do
        roll_use "$each"
        roll_stop
    done
    roll_unwatch
    if [ -n "$mail_pid" ]; then
        kill "$mail_pid" 2>/dev/null
        wait "$mail_pid" 2>/dev/null
    fi
    for each in "${!prober_pids[@]}"; do
        roll_use "$each"
        : >"$dm/enough"
        wait "${prober_pids[$each]}" 2>/dev/null
    done
    "$world" down "$name"
}

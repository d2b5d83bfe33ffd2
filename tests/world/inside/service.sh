# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash disable=SC2154
# Running one service of an instance: start, stop, ask. Sourced inside, after config.sh.
# Each service S has a folder DIR/S with its configuration, data, log and pid file, and functions
# make_S (configuration, keys), start_S, ask_S (the real question that says it is ready).

log_of() {
    case "$1" in
        mx-bind | mx-pdns | sender) printf '%s/%s/mail.log' "$DIR" "$1" ;;
        *) printf '%s/%s/%s.log' "$DIR" "$1" "$1" ;;
    esac
}

pid_file_of() {
    case "$1" in
        mx-bind | mx-pdns | sender) printf '%s/%s/queue/pid/master.pid' "$DIR" "$1" ;;
        *) printf '%s/%s/pid' "$DIR" "$1" ;;
    esac
}

# Replaces this (sub)shell: no file descriptor and no variable of the caller comes along.
cleanly() {
    close_fds
    exec env -i PATH="$PATH" HOME=/root LC_ALL=C.UTF-8 "$@"
}

# spawn SERVICE COMMAND... : in the background, with a clean environment, output to its log.
spawn() {
    local service=$1
    shift
    cleanly setsid "$@" </dev/null >>"$(log_of "$service")" 2>&1 &
    echo $! >"$(pid_file_of "$service")"
}

# Its pid if it runs, else status 1. A zombie does not run.
pid_of() {
    local pid state
    { read -r pid <"$(pid_file_of "$1")"; } 2>/dev/null || return 1
    state=$(sed -n 's/^State:[[:space:]]*\(.\).*/\1/p' "/proc/$pid/status" 2>/dev/null) || return 1
    case "$state" in
        "" | Z | X) return 1 ;;
    esac
    printf '%s\n' "$pid"
}

stopped() {
    ! pid_of "$1" >/dev/null
}

fn() {
    printf '%s_%s' "$1" "${2//-/_}"
}

known_service() {
    case " $SERVICES " in
        *" $1 "*) ;;
        *) die "no service '$1' (there are: $SERVICES)" ;;
    esac
}

start_service() {
    known_service "$1"
    ! pid_of "$1" >/dev/null || return 0
    "$(fn start "$1")" || { die "$1 did not start; see $(log_of "$1")"; }
}

# Waits until it answers; one that has ended will not, and is not waited for.
ready_service() {
    wait_for 30 "$1" "$(log_of "$1")" ended_or_answers "$1" || exit 1
    if stopped "$1"; then
        say "error: $1 did not come up: it has ended"
        show_log "$(log_of "$1")"
        exit 1
    fi
}

ended_or_answers() {
    stopped "$1" || "$(fn ask "$1")"
}

stop_service() {
    local pid
    known_service "$1"
    pid=$(pid_of "$1") || return 0
    kill -CONT "$pid"
    kill -TERM "$pid"
    wait_for 15 "the end of $1" "$(log_of "$1")" stopped "$1" || exit 1
}

status_of() {
    local service state
    for service in $SERVICES; do
        if ! pid_of "$service" >/dev/null; then
            state=down
        elif is_silent "$service"; then
            state=silent
        elif "$(fn ask "$service")" >/dev/null 2>&1; then
            state=up
        else
            state="no answer"
        fi
        printf '%-12s %s\n' "$service" "$state"
    done
    printf '%-12s %s\n' secondary: "$(cat "$DIR/secondary/mode")"
}

# kdig with a short patience; +short unless the caller adds more.
ask() {
    kdig +time=1 +retry=0 "$@"
}

# An answer with at least one record and, when asked with +dnssec, its signature.
signed_answer() {
    ask +dnssec +noall +answer "$@" | grep 'RRSIG' >/dev/null
}

# --- silence: packets to the addresses are dropped, as by a dead line

nft_table() {
    nft list table inet world >/dev/null 2>&1 && return
    nft -f - <<'NFT' || die "nft cannot drop packets here: does this kernel have nf_tables?"
table inet world {
    set silent4 { type ipv4_addr; }
    set silent6 { type ipv6_addr; }
    chain input {
        type filter hook input priority 0;
        ip daddr @silent4 drop
        ip6 daddr @silent6 drop
    }
}
NFT
}

# silence_do add|delete SERVICE|ADDRESS
silence_do() {
    local address set list
    list=$(addresses_of "$2") || exit 1
    nft_table
    for address in $list; do
        case "$address" in
            *:*) set=silent6 ;;
            *) set=silent4 ;;
        esac
        if nft get element inet world "$set" "{ $address }" >/dev/null 2>&1; then
            [ "$1" = add ] || nft delete element inet world "$set" "{ $address }"
        else
            [ "$1" = delete ] || nft add element inet world "$set" "{ $address }"
        fi
    done
}

is_silent() {
    local first
    first=$(addresses_of "$1" | head -n 1)
    nft get element inet world silent4 "{ $first }" >/dev/null 2>&1
}

# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash disable=SC2154
# The secondary of both mail zones, and what can be wrong with it. Sourced inside.
#
# mode      how it gets its data
# follow    NOTIFY and zone transfer, as a good secondary
# freeze    nothing new; it answers what it has, for ever ("freeze after M": begun in mode M)
# lag N     a follower copies each version of the primary and loads it N seconds later
# flap N    N seconds of what it had when this began, N seconds of now, and so on; or, with
#           "silent", N seconds of no answer instead of old data
# In the modes lag and flap Knot serves zone files that the follower puts there, so that what is
# seen when does not hang on refresh timers or NOTIFY.

MAIL_ZONES="bind.test pdns.test"

primary_of() {
    case "$1" in
        bind.test) a4 "$N_BIND" ;;
        pdns.test) a4 "$N_PDNS" ;;
    esac
}

secondary_of() {
    case "$1" in
        bind.test) a4 "$N_SEC_BIND" ;;
        pdns.test) a4 "$N_SEC_PDNS" ;;
    esac
}

# secondary_conf transfer|file
secondary_conf() {
    local zone how
    knot_base secondary "$N_SEC_BIND" "$N_SEC_PDNS"
    cat <<CONF
remote:
  - id: bind.test
    address: $BIND4
    via: $SEC_BIND4
  - id: pdns.test
    address: $PDNS4
    via: $SEC_PDNS4
acl:
  - id: world
    address: [ 192.0.2.0/24, 2001:db8::/64 ]
    action: [ notify, transfer ]
zone:
CONF
    for zone in $MAIL_ZONES; do
        how="master: $zone"
        [ "$1" = transfer ] || how="zonefile-load: whole"
        printf '  - domain: %s\n    file: "%%s.zone"\n    zonefile-sync: %s\n' "$zone" \
            "$([ "$1" = transfer ] && echo 0 || echo -1)"
        printf '    journal-content: none\n    acl: world\n    %s\n' "$how"
    done
}

make_secondary() {
    secondary_conf transfer >"$DIR/secondary/knot.conf"
    echo follow >"$DIR/secondary/mode"
}
start_secondary() {
    # Knot forgets a freeze when it is restarted.
    [ "$(secondary_mode)" != freeze ] || echo follow >"$DIR/secondary/mode"
    start_knot secondary
}
ask_secondary() {
    signed_answer "@$SEC_BIND4" bind.test. SOA && signed_answer "@$SEC_PDNS6" pdns.test. MX
}

serial_at() {
    ask "@$1" "$2." SOA +short | cut -d' ' -f3
}

in_step() {
    local zone serial
    for zone in $MAIL_ZONES; do
        serial=$(serial_at "$(primary_of "$zone")" "$zone")
        [ -n "$serial" ] && [ "$serial" = "$(serial_at "$(secondary_of "$zone")" "$zone")" ] || return 1
    done
}

# A whole, signed copy of the primary's zone; replaced in one rename.
copy_zone() {
    local zone=$1 target=$2
    kdig +time=2 +retry=0 +noall +answer "@$(primary_of "$zone")" "$zone." AXFR >"$target.new"
    # A transfer ends with the SOA it began with (RFC 5936); anything else is cut short.
    if [ "$(grep -cE '[[:space:]]IN[[:space:]]+SOA[[:space:]]' "$target.new")" = 2 ]; then
        mv "$target.new" "$target"
    else
        rm "$target.new"
        return 1
    fi
}

# load_zone ZONE FILE
load_zone() {
    cp "$2" "$DIR/secondary/$1.zone.new"
    mv "$DIR/secondary/$1.zone.new" "$DIR/secondary/$1.zone"
    knotc_on secondary -b zone-reload "$1."
}

# --- the modes

secondary_mode() {
    cat "$DIR/secondary/mode"
}

end_follower() {
    local pid
    { read -r pid <"$DIR/secondary/follower"; } 2>/dev/null || return 0
    kill -TERM "$pid" 2>/dev/null || :
    wait_for 5 "the end of the secondary's follower" "$(log_of secondary)" follower_gone "$pid"
    rm -f "$DIR/secondary/follower" "$DIR"/secondary/queue.*
}

follower_gone() {
    ! kill -0 "$1" 2>/dev/null
}

# Back to a good secondary, from any mode; returns when it shows what the primaries show.
secondary_thaw() {
    end_follower
    silence_do delete secondary
    case "$(secondary_mode)" in
        follow) ;;
        freeze) knotc_on secondary -b zone-thaw ;;
        *)
            secondary_conf transfer >"$DIR/secondary/knot.conf"
            knotc_on secondary -b reload
            ;;
    esac
    echo follow >"$DIR/secondary/mode"
    knotc_on secondary -b zone-refresh
    wait_for 10 "the secondary in step with its primaries" "$(log_of secondary)" in_step
}

secondary_freeze() {
    case "$(secondary_mode)" in
        freeze*) ;;
        follow | *silent)
            end_follower
            silence_do delete secondary
            knotc_on secondary -b zone-freeze
            echo freeze >"$DIR/secondary/mode"
            ;;
        *) # its zone files change no more: it stays as it is at this moment
            echo "freeze after $(secondary_mode)" >"$DIR/secondary/mode"
            end_follower
            ;;
    esac
}

secondary_by_file() {
    [ "$(secondary_mode)" = follow ] || secondary_thaw
    knotc_on secondary -b zone-flush
    secondary_conf file >"$DIR/secondary/knot.conf"
    knotc_on secondary -b reload
}

positive_number() {
    case "$2" in
        '' | *[!0-9]* | 0) die "$1: '$2' is no number of seconds" ;;
    esac
}

secondary_lag() {
    if [ "${1:-}" = 0 ]; then
        secondary_thaw
        return
    fi
    positive_number lag "${1:-}"
    secondary_by_file
    echo "lag $1" >"$DIR/secondary/mode"
    start_follower lag "$1"
}

secondary_flap() {
    positive_number flap "${1:-}"
    case "${2:-old}" in
        old)
            secondary_by_file
            ;;
        silent) [ "$(secondary_mode)" = follow ] || secondary_thaw ;;
        *) die "flap: old or silent" ;;
    esac
    echo "flap $1 ${2:-old}" >"$DIR/secondary/mode"
    start_follower "flap_${2:-old}" "$1"
}

start_follower() {
    cleanly setsid bash "$here/follower" "$DIR" "$@" \
        </dev/null >>"$DIR/secondary/follower.log" 2>&1 &
    echo $! >"$DIR/secondary/follower"
}

#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The prober sees every wrong rollover, and nothing in a right one. Each is done by hand in a mail
# world (TTL 2 s); the verdicts are printed side by side.
# shellcheck disable=SC2154 # name, failures and output are of testlib.sh
# shellcheck source=/dev/null
. "$(dirname "$0")/../world/testlib.sh"

build=${DANEMILTER_BUILD:?set it to the build folder}
up wrong --bind "$build" TTL=2
generation=0
case_number=0
prober_options=''
ttl=2
table=()

# --- keys, chains, records

# next_generation : a new key and certificate of each algorithm; the chain file's text in $new,
# their 3 1 1 records in $new_ec and $new_rsa. What was new becomes $old_ec, $old_rsa.
next_generation() {
    generation=$((generation + 1))
    old_ec=${new_ec:-} old_rsa=${new_rsa:-}
    new=$WORLD_DIR/tmp/chain-$generation.pem
    local key=$WORLD_DIR/tmp/key.pem algorithm
    local -a digests=()
    umask 077
    : >"$new"
    for algorithm in "EC -pkeyopt ec_paramgen_curve:P-256" "RSA -pkeyopt rsa_keygen_bits:2048"; do
        # shellcheck disable=SC2086 # several words
        inside openssl genpkey -quiet -algorithm $algorithm -out "$key" &&
            cat "$key" >>"$new" &&
            inside openssl req -x509 -new -key "$key" -days 30 -subj "/CN=$WORLD_BIND_MX" \
                -addext "subjectAltName=DNS:$WORLD_BIND_MX" >>"$new" || return 1
        digests+=("$(inside openssl pkey -in "$key" -pubout -outform DER | sha256sum | cut -d' ' -f1)")
    done
    umask 022
    new_ec="3 1 1 ${digests[0]}" new_rsa="3 1 1 ${digests[1]}"
}

# publish RDATA... : these records and no others, with a TTL of $ttl
publish() {
    {
        printf 'server %s\nzone %s.\nupdate delete %s. TLSA\n' "$WORLD_BIND_NS1_4" \
            "$WORLD_BIND_ZONE" "$WORLD_BIND_TLSA"
        [ $# = 0 ] || printf "update add $WORLD_BIND_TLSA. $ttl TLSA %s\n" "$@"
        echo send
    } | inside nsupdate -k "$WORLD_TSIG_FILE" -t 5
}

# given SERVER RDATA... : that server gives these records and no others
given() {
    local server=$1 want
    shift
    want=$(printf '%s\n' "$@" | tr '[:upper:]' '[:lower:]' | tr -d ' ' | sort)
    [ "$(rrset "$server" "$WORLD_BIND_TLSA" TLSA | tr '[:upper:]' '[:lower:]' | tr -d ' ' | sort)" = "$want" ]
}

everywhere() {
    given "$WORLD_BIND_NS1_4" "$@" && given "$WORLD_BIND_NS2_4" "$@"
}

# publish_everywhere RDATA... : and every server shows it
publish_everywhere() {
    publish "$@" && within 10 everywhere "$@"
}

smtpds() {
    inside pgrep -x smtpd -P "$(tr -d ' ' <"$WORLD_DIR/mx-bind/queue/pid/master.pid")" | sort
}

drained() {
    [ -z "$(comm -12 <(printf '%s\n' "$1") <(smtpds))" ]
}

# switch : the new chain, a reload, and no process from before is left
switch() {
    local before
    before=$(smtpds)
    cp "$new" "$WORLD_BIND_CHAIN.new" && mv "$WORLD_BIND_CHAIN.new" "$WORLD_BIND_CHAIN" &&
        inside postfix -c "$WORLD_BIND_POSTFIX" reload 2>/dev/null &&
        { [ -z "$before" ] || within 20 drained "$before"; }
}

# Every cache of a sender is rid of what is published no more: TTL 2, and what a cache adds (1).
wait_twice_ttl() {
    sleep 5
}

# --- the prober

prober() {
    inside "$build/prober" "$WORLD_BIND_MX" --resolver "$WORLD_RESOLVER4" \
        --auth "$WORLD_BIND_NS1_4" --auth "$WORLD_BIND_NS2_4" \
        --auth "$WORLD_BIND_NS1_6" --auth "$WORLD_BIND_NS2_6" --threads 6 --rate 250 "$@"
}

# begin RDATA... : these records alone are published and in the cache; the prober runs
begin() {
    publish_everywhere "$@" && world flush "$name" && start_prober && within 20 test -e "$case_folder/ready"
}

start_prober() {
    case_number=$((case_number + 1))
    case_folder=$WORLD_DIR/tmp/case-$case_number
    mkdir "$case_folder" || return 1
    # shellcheck disable=SC2086 # several options
    prober --until-file "$case_folder/enough" --ready-file "$case_folder/ready" \
        --log "$case_folder/log" $prober_options \
        >"$case_folder/out" 2>"$case_folder/err" </dev/null &
    prober_pid=$!
}

# verdict NAME EXPECTED : ends the prober. EXPECTED is a list of conditions on its counts, as
# "failed=0 stale>0 status=1"; failed+stale is a count, too.
verdict() {
    local line status condition count=0 bad=''
    : >"$case_folder/enough"
    wait "$prober_pid"
    status=$?
    line=$(grep '^probes=' "$case_folder/out")
    local probes=0 verified=0 failed=0 stale=0 other=0
    eval "$(grep -Eo '(probes|verified|failed|stale|other)=[0-9]+' <<<"$line")"
    [ $((verified + failed + stale + other)) = "$probes" ] || bad="the counts do not add up; "
    [ $((verified + stale)) -gt 0 ] || bad+="nothing verified at all; "
    [ $((other * 100)) -le "$probes" ] || bad+="too many without a verdict; "
    for condition in $2; do
        case $condition in
            status=*) count=$status ;;
            failed+stale*) count=$((failed + stale)) ;;
            failed*) count=$failed ;;
            stale*) count=$stale ;;
        esac
        case $condition in
            *'>'*) [ "$count" -gt "${condition##*>}" ] ;;
            *) [ "$count" = "${condition##*=}" ] ;;
        esac || bad+="not $condition; "
    done
    table+=("$(printf '%-52s %-32s failed=%-5s stale=%-5s %s' "$1" "${2% status=*}" "$failed" "$stale" \
        "${bad:+WRONG: }${bad:-as expected}")")
    echo "$line status=$status"
    [ -z "$bad" ] || { cat "$case_folder/err" && tail -n 5 "$case_folder/log" && return 1; }
}

# --- the rollovers

right_rollover() {
    next_generation && begin "$old_ec" "$old_rsa" &&
        publish_everywhere "$old_ec" "$old_rsa" "$new_ec" "$new_rsa" && wait_twice_ttl &&
        switch && publish_everywhere "$new_ec" "$new_rsa" && wait_twice_ttl &&
        verdict 'right: add, wait, switch, drain, remove, wait' 'failed=0 stale=0 status=0'
}

# The next three begin with a TTL of 30 s, so that a slow machine is still too early.
replaced_together() {
    local ttl=30
    next_generation && begin "$old_ec" "$old_rsa" &&
        publish "$new_ec" "$new_rsa" && switch && within 10 everywhere "$new_ec" "$new_rsa" &&
        sleep 1 && world flush "$name" && sleep 1 &&
        verdict 'key and record replaced together' 'failed>0 stale>0 status=1'
}

# Every server shows the new records, yet caches live.
switched_early() {
    local ttl=30
    next_generation && begin "$old_ec" "$old_rsa" &&
        publish_everywhere "$old_ec" "$old_rsa" "$new_ec" "$new_rsa" &&
        switch && sleep 1 && world flush "$name" && sleep 1 &&
        verdict 'switched before caches are dead' 'failed>0 stale>0 status=1'
}

# The resolver of the prober has the new records at once: only "stale" can see it.
switched_early_unseen() {
    local ttl=30
    next_generation && begin "$old_ec" "$old_rsa" &&
        publish_everywhere "$old_ec" "$old_rsa" "$new_ec" "$new_rsa" &&
        world flush "$name" && switch && sleep 1 &&
        verdict 'the same, by a sender with a fresh cache' 'failed=0 stale>0 status=1'
}

# A timer from "the primary took it", while one server gives the old records for ever.
secondary_frozen() {
    next_generation && begin "$old_ec" "$old_rsa" && world freeze "$name" &&
        publish "$old_ec" "$old_rsa" "$new_ec" "$new_rsa" &&
        within 5 given "$WORLD_BIND_NS1_4" "$old_ec" "$old_rsa" "$new_ec" "$new_rsa" &&
        wait_twice_ttl && switch && sleep 2.5 &&
        verdict 'secondary frozen, the wait counted from the primary' 'failed+stale>0 status=1' &&
        prober_options='--direct' start_prober && sleep 1 &&
        verdict 'the same, by senders without a cache' 'failed>0 stale>0 status=1'
    local status=$?
    world thaw "$name" && return $status
}

one_forgotten() {
    next_generation && begin "$old_ec" "$old_rsa" &&
        publish_everywhere "$old_ec" "$old_rsa" "$new_ec" && wait_twice_ttl &&
        switch && sleep 1 &&
        verdict 'one algorithm forgotten: no record for RSA' 'failed>0 status=1' &&
        grep -q 'failed .* rsa: no matching' "$case_folder/err" &&
        ! grep -q ' p256: ' "$case_folder/err"
}

wrong_digest() {
    local zeroes
    zeroes=$(printf '%0128d' 0)
    begin "$new_ec" "$new_rsa" &&
        publish_everywhere "$new_ec" "$new_rsa" "3 1 2 $zeroes" &&
        world flush "$name" && sleep 1 &&
        verdict 'a wrong 3 1 2 beside a right 3 1 1' 'failed>0 stale>0 status=1' &&
        grep -q 'stale .*: 3 1 2 of an RRset that a cache may hold' "$case_folder/err"
}

# Was there before us and never matched: no concern of ours, unless it is asked for.
stray_from_the_start() {
    local stray
    stray="2 1 1 $(printf '%064d' 0)"
    begin "$new_ec" "$new_rsa" "$stray" && sleep 1 &&
        verdict 'a stray 2 1 1 from the start' 'failed=0 stale=0 status=0' &&
        grep -q '2 1 1 does not match from the start: ignored' "$case_folder/err" &&
        prober_options=--no-ignore-baseline begin "$new_ec" "$new_rsa" "$stray" && sleep 1 &&
        verdict 'the same with --no-ignore-baseline' 'failed=0 stale>0 status=1'
}

# --- no verdict is no pass

no_resolver() {
    local out status
    world silence "$name" resolver || return 1
    out=$(prober --address "$WORLD_BIND_MX4" --timeout 900 --count 12 2>"$output.err")
    status=$?
    world speak "$name" resolver || return 1
    echo "$out status=$status" && cat "$output.err"
    [ "$out" = "probes=12 verified=0 failed=0 stale=0 other=12" ] && [ $status = 1 ] &&
        grep -q 'other 4 x .*: TLSA lookup: no answer' "$output.err" && rm "$output.err"
}

no_record() {
    local out status
    world tlsa "$name" bind none 2>/dev/null && within 10 everywhere && world flush "$name" || return 1
    out=$(prober --count 12 2>"$output.err")
    status=$?
    echo "$out status=$status" && cat "$output.err"
    [ "$out" = "probes=12 verified=0 failed=0 stale=0 other=12" ] && [ $status = 1 ] &&
        grep -q 'other 2 x .*: no TLSA record' "$output.err" && rm "$output.err"
}

check 'the first chain' next_generation
check 'is served' switch
check 'a right rollover' right_rollover
check 'key and record replaced together' replaced_together
check 'switched before caches are dead' switched_early
check 'the same, by a sender with a fresh cache' switched_early_unseen
check 'secondary frozen' secondary_frozen
check 'one algorithm forgotten' one_forgotten
check 'the other algorithm is published, too' publish_everywhere "$new_ec" "$new_rsa"
check 'a wrong 3 1 2 beside a right 3 1 1' wrong_digest
check 'a stray record from the start' stray_from_the_start
check 'no resolver: other, and status 1' no_resolver
check 'no TLSA record: other, and status 1' no_record
printf '\n%-52s %-32s %s\n' 'rollover' 'expected' 'verdict'
printf '%s\n' "${table[@]}"
echo
finish

#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Two instances side by side; up and down twice; nothing is left behind; errors are named.
# shellcheck disable=SC2154 # name, world_folder and output are of testlib.sh
# shellcheck source=/dev/null
. "$(dirname "$0")/testlib.sh"

up one TTL=3
one=$name
init_one=$WORLD_INIT_PID
up two NONCEREJECT=30 TLSA=right
two=$name
init_two=$WORLD_INIT_PID dir_two=$WORLD_DIR

listed() {
    [ "$(world list | grep -cE "^($one|$two) up ")" = "$1" ]
}
differ_in_keys() {
    ! cmp "$WORLD_STATE/$one/trust-anchor" "$WORLD_STATE/$two/trust-anchor"
}
check "both are listed" listed 2
check "each has keys of its own" differ_in_keys
check "a record in the first" world tlsa "$one" bind set "$(digest 1)"
check "is there" grep -q 0001 <<<"$(world tlsa "$one" bind show)"
absent() {
    [[ $(world tlsa "$two" bind show) != *0001* ]]
}
check "and not in the second" absent
check "TLSA=right: records from the start, at all four" \
    test "$(cat <(world tlsa "$two" bind show) <(world tlsa "$two" pdns show) | wc -l)" = 8
check "NONCEREJECT=30 reaches pebble" grep -q 'reject 30%' "$dir_two/pebble/pebble.log"
check "nothing of it on the host" differs timeout 2 bash -c "exec 3<>/dev/tcp/127.0.0.1/14000"

# The file system inside is writable, and neither the root nor the other sees what is written.
root=$("$world_folder/root")
check "writes inside" world exec "$one" sh -c 'echo x >/etc/written && mkdir /usr/lib/written'
check "not in the cached root" test ! -e "$root/etc/written"
check "not in the other" world exec "$two" test ! -e /etc/written
check "the source tree is there" world exec "$one" test -e "$world_folder/testlib.sh"
check "and read-only" differs world exec "$one" touch "$world_folder/written"

status_of_command() {
    local got
    world exec "$one" sh -c "exit $1"
    got=$?
    [ "$got" = "$1" ]
}
check "exec gives the command's status" status_of_command 7

validated_in_one() {
    name=$one
    validated 192.0.2.21 mx.bind.test. A
}

# --- idempotent

check "up once more" world up "$one"
check "with the same settings" world up "$one" TTL=3
check "is the same instance" test "$(world env "$one" | grep INIT_PID)" = "WORLD_INIT_PID=$init_one"
check "other settings are refused" differs world up "$one" TTL=9
check "a bad setting is refused" differs world up "three-$$" TTL=soon
check "and leaves nothing running" test -z "$(world list | grep "three-$$")"
check "its logs can be cleared away" world down "three-$$"
check "a bad name is refused" differs world up ../x
check "a command on what is not up is refused" differs world status "four-$$"

# --- a service that cannot start is named, with the end of its log

named_with_log() {
    local said
    world stop "$two" bind || return 1
    echo 'nonsense;' >>"$dir_two/bind/named.conf"
    said=$(timeout 60 "$world_folder/world" start "$two" bind 2>&1) && return 1
    echo "$said"
    [[ $said == *"bind did not come"* && $said == *nonsense* ]]
}
check "a service that does not come up is named" named_with_log

# --- down: no process, no mount, no folder; the other goes on

# Processes whose net namespace is the instance's, as seen from the host.
processes_in() {
    local link
    for link in /proc/[0-9]*/ns/net; do
        [ "$(readlink "$link")" != "$1" ] || echo "$link"
    done
}
net_two=$(readlink "/proc/$init_two/ns/net")
check "the second has processes" test "$(processes_in "$net_two" | wc -l)" -gt 10
mounts_before=$(wc -l </proc/self/mountinfo)
check "down" world down "$two"
check "no process is left" test -z "$(processes_in "$net_two")"
mounts_of() {
    # A process may end between the listing and the reading.
    cat /proc/[0-9]*/mountinfo 2>/dev/null | grep -F "$WORLD_STATE/$1"
}
check "the first has mounts" test -n "$(mounts_of "$one")"
check "the second has none" test -z "$(mounts_of "$two")"
check "the host's mounts are what they were" test "$(wc -l </proc/self/mountinfo)" = "$mounts_before"
check "no folder, no lock" test -z "$(find "$WORLD_STATE" -maxdepth 1 -name "*$two*")"
check "down once more does no harm" world down "$two"
check "the first goes on" validated_in_one
check "only it is listed" listed 1

# --- a first process that is killed from outside: found dead, cleared away, made anew

found_dead() {
    world list | grep "^$one dead" >/dev/null
}
killed() {
    kill -KILL "$init_one"
    within 10 found_dead
}
check "killed from outside" killed
check "up makes it anew" world up "$one" TTL=3
check "and it works" validated_in_one
finish

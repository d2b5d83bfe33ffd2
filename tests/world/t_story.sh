#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The mail log of one rollover, read by the patterns of danemilter(8), section LOG: each line is one of
# them, and in their order they tell the story of the key.
# shellcheck disable=SC2154 # name and work are of what is sourced
# shellcheck source=/dev/null
. "$(dirname "$0")/testlib.sh"

up story --bind "${DANEMILTER_BUILD:?the folder of the build}"
# shellcheck source=/dev/null
. "$(dirname "$0")/far.sh"
manual=$world_folder/../../postfix-conf/danemilter.8

configure
check "danemilter is entered" enter_postfix
check "standbys are ready" within 30 logged 'rsa2048 key 4 is omnipresent'
check "a key is rolled over" within 10 danectl roll mx.bind.test p256
check "to the end" within 60 logged 'shredded p256 key 1'
check "a broken configuration" sed -i 's/poll = "250ms"/poll = "often"/' "$conf"
check "is said" reload
check "as an error" within 10 logged ' error: '

sed -n '/^\.Sh LOG/,/^\.Sh SEE/s/^\.It Li "\(.*\)"$/\1/p' "$manual" >"$work/patterns"
check "the manual has patterns" test "$(wc -l <"$work/patterns")" -ge 15
own='^[A-Z][a-z][a-z] [ 0-9][0-9] [0-9:]{8} [^ ]+ mx-bind/danemilter\[[0-9]+\]: '
check "each line begins as Postfix's do" differs grep -vE "$own" <(grep danemilter "$WORLD_BIND_MAILLOG" | grep -v master)
grep -E "$own" "$WORLD_BIND_MAILLOG" | sed -E "s#$own##" >"$work/lines"
check "there are lines" test "$(wc -l <"$work/lines")" -ge 30
check "no line is a stranger to the manual" differs grep -vEf "$work/patterns" "$work/lines"

# used PATTERN : it is the manual's, and a line is of it; some are for days that are not so good
while read -r pattern; do
    case $pattern in *guard* | *stopped*) continue ;; esac
    check "seen: $pattern" grep -qE -- "$pattern" "$work/lines"
done <"$work/patterns"

# The story of p256 key 3, as far as it is about that key
story=('roll asked for by uid 0' 'ordering a certificate for p256 key 3' 'certificate for p256 key 3, valid until'
    'p256 key 3 is staged' 'switching to p256 key 3' 'switched: .* p256 key 3' 'p256 key 1 is retiring'
    'p256 key 3 is probation' 'proven: ' 'p256 key 3 is committed' 'p256 key 3 is serving' 'withdrawing 3 1 1'
    'p256 key 1 is unretentive' 'p256 key 1 is dead' 'shredded p256 key 1')
at=0
for sentence in "${story[@]}"; do
    next=$(tail -n "+$((at + 1))" "$work/lines" | grep -nE -m 1 -- "^mx.bind.test: .*$sentence|^mx.bind.test: $sentence" | cut -d: -f1)
    check "then: $sentence" test -n "$next"
    at=$((at + ${next:-0}))
done
finish

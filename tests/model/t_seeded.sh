#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# t_seeded.sh - the explorer finds each seeded mistake, and says what a right engine's fault is:
# nothing. A test that cannot fail would show here.

set -u
explorer=${DANEMILTER_BUILD:-.}/tests/model/explorer
failed=0

# expect STATUS TEXT OPTION...
expect() {
    want=$1
    text=$2
    shift 2
    out=$("$explorer" "$@" 2>&1)
    status=$?
    case $out in
    *"$text"*) found=yes ;;
    *) found=no ;;
    esac
    if [ "$status" -eq "$want" ] && [ $found = yes ]; then
        echo "ok   explorer $*: $(echo "$out" | tail -n 1)"
    else
        echo "FAIL explorer $*: status $status, expected $want and \"$text\""
        echo "$out" | tail -n 60
        failed=1
    fi
}

bug() {
    expect 1 "$1" --bug="$2" --wrongs=1 --lies=0 --crashes=1 --limit=300000 --flaps="$3"
}

stale="a cache holds an RRset that a served chain does not match"
bug "$stale" wait-one-short 0
bug "$stale" one-server-only 0
bug "$stale" no-drain 0
bug "$stale" timer-over-flap 1
bug "$stale" flap-end-only 1
bug "$stale" timer-from-api-call 0
bug "$stale" lagging-secondary 0
bug "$stale" replace-instead-of-add 0
bug "$stale" rollback-after-withdrawal 0
bug "$stale" timer-lost-in-crash 0
bug "$stale" withdraw-at-switch 0
bug "a key is shredded while" shred-early 0

# E = 3 ticks: a wait of 3 holds, one of 2 does not.
expect 0 "violations=0" --held=3 --wait=3 --flaps=0 --wrongs=0 --lies=0 --crashes=any
expect 1 "$stale" --held=3 --wait=2 --flaps=0 --wrongs=0 --lies=0 --crashes=any

# What small_tidy.c forgets, nothing asks for; forgetting more is noticed.
expect 0 "violations=0" --check-tidy --flaps=1 --wrongs=0 --lies=0 --crashes=0
expect 0 "violations=0" --check-tidy --flaps=0 --wrongs=1 --lies=1 --crashes=0
expect 0 "violations=0" --check-tidy --flaps=0 --wrongs=0 --lies=0 --crashes=any --reboots
expect 0 "violations=0" --check-tidy --flaps=0 --wrongs=0 --lies=0 --crashes=1 --silence
expect 1 "tidying changes" --check-tidy --bug=forget-too-much --flaps=0 --wrongs=0 --lies=0 --crashes=0
exit $failed

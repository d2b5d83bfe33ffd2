#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# t_random.sh [FIRST [COUNT]] - scenarios made up from seeds; the oracle judges. One that fails
# is kept as random-SEED.scn in the build folder.

set -u
run=${DANEMILTER_BUILD:-.}/tests/scenarios/run
awk=${AWK:-awk}
first=${1:-1}
count=${2:-150}
kept=${DANEMILTER_BUILD:-.}
failed=0

# play SEED [HOLD]: status of the run, its words in $out
play() {
    file=$kept/random-$1.scn
    "$awk" -v seed="$1" -v hold="${2:-}" -f "${DANEMILTER_SOURCE:-.}/tests/scenarios/random.awk" \
        >"$file" || exit 2
    out=$("$run" "$file" 2>&1)
}

seed=$first
while [ "$seed" -lt $((first + count)) ]; do
    if play "$seed"; then
        rm -f "$file"
    else
        failed=$((failed + 1))
        echo "$out"
        echo "kept: $file"
    fi
    seed=$((seed + 1))
done
echo "$count scenarios from seed $first, $failed failed"

# Can it fail at all? With senders far slower than any policy allows for, it has to.
caught=0
for seed in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    play $seed 10d
    case $out in
    *'THE RULE IS BROKEN'*) caught=$((caught + 1)) ;;
    esac
    rm -f "$file"
done
echo "20 scenarios with senders that are too slow, $caught caught"
[ $failed -eq 0 ] && [ $caught -gt 0 ]

#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# t_explorer.sh - every state of the worlds of tests/model/README.md: THE RULE holds in each, and
# from each the rollover can complete. Fails also when a world was not visited whole.

set -u
explorer=${DANEMILTER_BUILD:-.}/tests/model/explorer
failed=0

world() {
    echo "explorer $*"
    "$explorer" "$@"
    status=$?
    if [ "$status" -ne 0 ]; then
        echo "FAIL: status $status"
        failed=1
    fi
}

case ${DANEMILTER_SANITIZER:-no} in
no | '')
    world --flaps=1 --wrongs=1 --lies=1 --crashes=1
    world --flaps=1 --wrongs=0 --lies=0 --crashes=any
    world --flaps=1 --wrongs=0 --lies=0 --crashes=any --commands=1
    world --flaps=0 --wrongs=0 --lies=any --crashes=any
    world --flaps=0 --wrongs=0 --lies=0 --crashes=any --reboots
    world --flaps=0 --wrongs=0 --lies=0 --crashes=1 --silence
    ;;
*) # the same code several times slower, and what is looked for is another kind of mistake
    world --flaps=1 --wrongs=0 --lies=0 --crashes=0
    world --flaps=0 --wrongs=1 --lies=1 --crashes=0
    world --flaps=0 --wrongs=0 --lies=0 --crashes=any --reboots
    ;;
esac
exit $failed

#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# t_scenarios.sh - every scenario passes; and the runner's own test: every one in fail/ fails,
# with the complaint that its first line expects.

set -u
run=${DANEMILTER_BUILD:-.}/tests/scenarios/run
here=${DANEMILTER_SOURCE:-.}/tests/scenarios
"$run" "$here"/pass/*.scn
passing=$?
"$run" --must-fail "$here"/fail/*.scn
failing=$?
[ $passing -eq 0 ] && [ $failing -eq 0 ]

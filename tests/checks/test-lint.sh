#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# lint reports what failed, and a test that hangs or is skipped is never counted as passed.
set -u
source=${DANEMILTER_SOURCE:?run by make check}
work=$(mktemp -d) || exit 99
trap 'rm -rf "$work"' EXIT
fail() {
    echo "FAILED: $*"
    exit 1
}

mkdir "$work/checks"
cp "$source/autotools/checks/lint" "$work/checks/"
for name in spdx layering sizes banned symbols format scripts manuals cppcheck tidy seeds analyzer; do
    printf '#!/bin/sh\nexit 0\n' >"$work/checks/$name"
    chmod +x "$work/checks/$name"
done
LINT_RESULT=$work/result "$work/checks/lint" >"$work/out" || fail "all passed, yet status $?"
grep -qx 'lint: 12 passed, 0 failed, 0 not run' "$work/out" || fail "$(cat "$work/out")"
[ "$(cat "$work/result")" = "12 0 0" ] || fail "result $(cat "$work/result")"
printf '#!/bin/sh\nexit 77\n' >"$work/checks/tidy"
printf '#!/bin/sh\nexit 1\n' >"$work/checks/sizes"
printf '#!/bin/sh\nexit 2\n' >"$work/checks/banned"
LINT_RESULT=$work/result "$work/checks/lint" >"$work/out" && fail "failures, yet status 0"
grep -qx 'lint: 9 passed, 2 failed, 1 not run' "$work/out" || fail "$(cat "$work/out")"

run=$source/autotools/run-test
"$run" true >/dev/null || fail "run-test true"
"$run" false >/dev/null && fail "run-test false passed"
"$run" sh -c 'exit 77' >/dev/null
[ $? -eq 77 ] || fail "run-test lost the status 77"
TEST_SECONDS=1 "$run" sleep 30 >"$work/out"
[ $? -eq 124 ] || fail "a test that hangs did not end with 124"
grep -q 'ended after the ceiling of 1 s' "$work/out" || fail "$(cat "$work/out")"
echo "ok"

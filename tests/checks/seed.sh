# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# seed.sh - read by the tests of the checks. A check that cannot fail is worth nothing: each test
# makes a small clean tree, sees the check pass, sows one violation after the other, and sees each
# caught in its file and line.

set -u
checks=${DANEMILTER_SOURCE:?run by make check}/autotools/checks
seeds=$(mktemp -d) || exit 99
trap 'rm -rf "$seeds"' EXIT
unset DANEMILTER_SOURCE
check=${check:?the name of the check under test, set before this is read}
failures=0
cases=0

# clean_tree: an empty tree with one sound file in each layer.
clean_tree() {
    rm -rf "$seeds/tree"
    mkdir -p "$seeds/tree/autotools/checks" "$seeds/tree/milter"
    cp "$checks/../../.clang-format" "$checks/../../.clang-tidy" "$seeds/tree/"
    cp "$checks/symbols.allow" "$seeds/tree/autotools/checks/"
    local header name guard
    for header in base/a core/types crypto/key net/http dns/ask store/db conf/conf engine snapshot ports; do
        name=rollover/$header.h
        guard=$(tr 'a-z/.' 'A-Z__' <<<"SEED_$header")
        sow "$name" "#ifndef $guard" "#define $guard" "struct $(basename $header);" "#endif"
    done
    sow rollover/base/a.c '#include "base/a.h"' '#include <stddef.h>' '' 'int a_zero(void);' '' \
        'int a_zero(void)' '{' '    return 0;' '}'
    sow autotools/say.sh 'echo clean'
}

# sow FILE LINE...: writes the file, licence first.
sow() {
    local file=$seeds/tree/$1
    shift
    mkdir -p "$(dirname "$file")"
    case $file in
    *.[ch]) echo '/* SPDX-License-Identifier: BSD-2-Clause */' >"$file" ;;
    *.[1-8]) echo '.\" SPDX-License-Identifier: BSD-2-Clause' >"$file" ;;
    *) printf '#!/bin/sh\n# SPDX-License-Identifier: BSD-2-Clause\n' >"$file" ;;
    esac
    printf '%s\n' "$@" >>"$file"
}

run_check() {
    output=$("$checks/$check" "$seeds/tree" 2>&1)
    status=$?
    cases=$((cases + 1))
    if [ "$status" -eq 77 ]; then
        echo "$output"
        exit 77
    fi
}

# expect_clean WHAT
expect_clean() {
    run_check
    if [ "$status" -eq 0 ]; then
        echo "ok: clean: $1"
    else
        echo "FAILED: $1 should be clean, status $status: $output"
        failures=$((failures + 1))
    fi
}

# expect_caught PATTERN: the check fails, and a line of what it says matches; then a fresh tree.
expect_caught() {
    run_check
    if [ "$status" -eq 1 ] && grep -Eq -- "$1" <<<"$output"; then
        echo "ok: caught: $(grep -E -m1 -- "$1" <<<"$output")"
    else
        echo "FAILED: nothing like \"$1\", status $status: $output"
        failures=$((failures + 1))
    fi
    clean_tree
}

finish() {
    echo "$check: $cases cases, $failures failed"
    [ "$cases" -gt 1 ] && [ "$failures" -eq 0 ]
    exit
}

clean_tree

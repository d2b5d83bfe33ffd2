#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The checks that call a tool: each must catch what it is there for. Where the tool is missing the
# check says so with status 77; then that part of this test is named as skipped, and the whole test
# is skipped when no tool is there.
check=format
# shellcheck source=tests/checks/seed.sh
. "$(dirname "$0")/seed.sh"
ran=0
# shellcheck disable=SC2016 # the scripts sown here expand these
seed_rm='rm -rf $1/*'
# shellcheck disable=SC2016
seed_if='if [ $x = 1 ]; then echo "$y"; fi'

# with CHECK: makes it the current one, when it runs here
with() {
    check=$1
    if (run_check) | grep 'NOT RUN' >/dev/null; then
        echo "skipped: $check cannot run here"
        return 1
    fi
    ran=$((ran + 1))
}

if with format; then
    expect_clean "a formatted file"
    sow rollover/base/b.c 'int b_run(void);' 'int b_run(void) { return  1; }'
    expect_caught '^rollover/base/b.c:3: not formatted'
fi
if with scripts; then
    expect_clean "a sound script"
    sow autotools/rm.sh "$seed_rm"
    expect_caught '^autotools/rm.sh:3:.*SC2086'
    sow tests/world/up "$seed_if"
    expect_caught '^tests/world/up:3:'
    sow tests/world/early "date | ${none-}grep -F -q 2026"
    expect_caught '^tests/world/early:3: a pipe into grep -q'
fi
if with manuals; then
    sow postfix-conf/a.8 '.Dd November 23, 2026' '.Dt A 8' '.Os' '.Sh NAME' '.Nm a' '.Nd a page' \
        '.Sh DESCRIPTION' 'It is sound.'
    expect_clean "a sound page"
    sow postfix-conf/b.8 '.Dd November 23, 2026' '.Dt B 8' '.Os' '.Sh NAME' '.Nm b' '.Nd a page' \
        '.Sh DESCRIPTION' '.Bl -tag' '.It x'
    expect_caught 'postfix-conf/b.8:9:'
fi
if with cppcheck; then
    expect_clean "a sound file"
    sow rollover/base/b.c '#include <stdlib.h>' 'int b_run(void);' 'int b_run(void)' '{' '    int *p = malloc(4);' \
        '    if (p == NULL)' '        return 0;' '    *p = 1;' '    return *p;' '}'
    expect_caught '^rollover/base/b.c:10: error memleak'
fi
if with tidy; then
    expect_clean "a sound file"
    sow rollover/base/b.c '#include <string.h>' 'int b_run(const char *s);' 'int b_run(const char *s)' '{' \
        '    if (strcmp(s, "a") == -1)' '        return 1;' '    return 0;' '}'
    expect_caught 'rollover/base/b.c:[0-9]+:[0-9]+: error: .*bugprone'
fi
[ "$ran" -gt 0 ] || exit 77
finish

#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
check=sizes
# shellcheck source=tests/checks/seed.sh
. "$(dirname "$0")/seed.sh"

# statements N: N lines for a function's body
statements() {
    local i
    for ((i = 0; i < $1; i++)); do echo "    x++;"; done
}
function_of() {
    local lines=()
    mapfile -t lines < <(statements $(($1 - 2)))
    sow rollover/base/f.c 'static void f_grow(int x)' '{' "${lines[@]}" '}' '' 'static const int f_one[] = {' '    1,' '};'
}

expect_clean "small files"
function_of 60
expect_clean "a function of 60 lines"
function_of 61
expect_caught '^rollover/base/f.c:3: function of 61 lines, at most 60: static void f_grow'

mapfile -t body < <(statements 62)
sow tests/unit/g.c 'void g_grow(int x) {' "${body[@]}" '}'
expect_caught '^tests/unit/g.c:2: function of 64 lines'
sow rollover/base/h.c 'void h_open(void)' '{' '    }'
expect_caught '^rollover/base/h.c:3: no closing brace in column 0'

mapfile -t blank < <(yes '' | head -n 499)
sow rollover/base/long.h "${blank[@]}"
expect_clean "a file of 500 lines"
mapfile -t blank < <(yes '' | head -n 500)
sow rollover/base/long.h "${blank[@]}"
expect_caught '^rollover/base/long.h:501: 501 lines, at most 500'
sow tests/world/up "${blank[@]}"
expect_caught '^tests/world/up:502: 502 lines, at most 500'
sow tests/world/lib.sh 'up() {' "${body[@]}" '}'
expect_caught '^tests/world/lib.sh:3: function of 64 lines'
finish

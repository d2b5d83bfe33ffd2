#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
check=symbols
# shellcheck source=tests/checks/seed.sh
. "$(dirname "$0")/seed.sh"
DANEMILTER_BUILD=$seeds/build
DANEMILTER_SANITIZER=no
export DANEMILTER_BUILD DANEMILTER_SANITIZER

# build LIBRARY LINE...: a library of one object
build() {
    local library=$1
    shift
    rm -rf "$seeds/build"
    mkdir -p "$seeds/build/milter"
    printf '%s\n' "$@" >"$seeds/build/one.c"
    ${CC:-cc} -O1 -fPIE -c -o "$seeds/build/one.o" "$seeds/build/one.c" || exit 99
    ar cr "$seeds/build/$library" "$seeds/build/one.o" 2>/dev/null || exit 99
}

build librdns.a 'static const char *const names[] = {"a", "b"};' 'const int table[] = {1, 2};' \
    'const char *name(int i) { static const int one = 1; return names[i - one]; }' \
    'int printf(const char *, ...); void say(void) { printf("x"); }'
expect_clean "constant tables, with and without pointers"
build librdns.a 'static int count = 3; int next(void) { return ++count; }'
expect_caught '^one.o: writable data "count" in .data'
build librdns.a 'int next(void) { static int count; return ++count; }'
expect_caught '^one.o: writable data "count[.0-9]*" in .bss'
build librdns.a 'static const char *names[] = {"a", "b"}; const char **name(void) { return names; }'
expect_caught '^one.o: writable data "names" in .data'
build librdns.a 'int shared;'
expect_caught '^one.o: writable data "shared" in .bss'
build librdns.a 'static _Thread_local int mine; int *where(void) { return &mine; }'
expect_caught '^one.o: writable data "mine" in .tbss'
build librdns.a 'int x(void); int x(void) { return 1; }'
cp "$seeds/build/one.o" "$seeds/build/milter/main.o"
expect_clean "milter without data"
printf 'int stop;\n' >"$seeds/build/one.c"
${CC:-cc} -c -o "$seeds/build/milter/main.o" "$seeds/build/one.c"
expect_caught '^main.o: writable data "stop"'
echo 'main.o stop' >>"$seeds/tree/autotools/checks/symbols.allow"
expect_clean "an allowed name"
clean_tree

build librcore.a '#include <string.h>' '#include <stdio.h>' \
    'int plan(char *to, const char *from) { memset(to, 0, 3); return snprintf(to, 3, "%s", from); }'
expect_clean "a pure core"
build librcore.a '#include <time.h>' 'long plan(void) { return (long)time(0); }'
expect_caught '^librcore.a: one.o: the pure core calls time\(\)'
build librcore.a '#include <stdlib.h>' 'void *plan(void) { return malloc(3); }'
expect_caught 'the pure core calls malloc\(\)'
build librcore.a '#include <stdio.h>' 'void plan(int n) { printf("%d\n", n); }'
expect_caught 'the pure core calls printf\(\)'
rm -rf "$seeds/build"
mkdir "$seeds/build"
run_check
[ "$status" -eq 2 ] || { echo "FAILED: nothing built gave status $status"; failures=$((failures + 1)); }
finish

#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
check=banned
# shellcheck source=tests/checks/seed.sh
. "$(dirname "$0")/seed.sh"

sow rollover/base/b.c '/* strcpy(a, b) in a comment' '   system("x") goes on */' 'int b_run(const char *s)' '{' \
    '    const char *help = "never call system(3) or \"sprintf(\" here";' \
    "    char quote = '\"'; // strcpy(x, y)" \
    '    my_system(help); fgets(quote); strtok_r(s); strerror_r(1); sigaction(2); snprintf(s);' \
    '    int system = 1;' \
    '    return sscanf(s, "%15s %d %7[a-z]", help, &system, s);' '}'
sow rollover/base/c.c 'int c(void) { if (sscanf(s, "(\"%u", &u) != 1) err_set(e, "%s", s);' '    return sscanf(s,' '        "%d)") + f("%s"); }'
expect_clean "comments, strings, and names that only look alike"
clean_tree

for call in strcpy strcat stpcpy strncpy strncat sprintf vsprintf gets strtok atoi atol atoll atof system popen \
    tmpnam tempnam mktemp alloca rand srand random localtime gmtime ctime asctime strerror signal \
    gethostbyname inet_ntoa getpwnam vfork; do
    sow rollover/base/b.c 'void b_run(char *s)' '{' '    const char *m = "a";' "    (void)$call (s);" '}'
    expect_caught "^rollover/base/b.c:5: $call\(\) is banned: use "
done
sow tests/unit/t.c 'void t(void) { if (1) /* why */ system("reboot"); }'
expect_caught '^tests/unit/t.c:2: system\(\) is banned'
sow milter/m.c 'void m(void) { puts("\\"); strcpy(a, b); }'
expect_caught '^milter/m.c:2: strcpy\(\) is banned'
sow rollover/base/b.c 'void b(void)' '{' '    sscanf(s,' '        "%d %s", &i, s);' '}'
expect_caught '^rollover/base/b.c:4: scanf with %s'
sow rollover/base/b.c 'void b(void) { sscanf(s, "%d", &i); sscanf(s, "%ls", s); }'
expect_caught '^rollover/base/b.c:2: scanf with %s'
sow rollover/base/b.c 'void b(void) { fscanf(f, "%[a-z]", s); }'
expect_caught '^rollover/base/b.c:2: scanf with %s'
finish

#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
check=layering
# shellcheck source=tests/checks/seed.sh
. "$(dirname "$0")/seed.sh"

expect_clean "one file in each layer"

# What is allowed.
sow rollover/core/plan.h '#include "core/types.h"' 'int plan_next(int now);'
sow rollover/core/plan.c '#include "core/plan.h"' '#include <string.h>'
sow rollover/ports.h '#include "base/a.h"' '#include "core/types.h"'
sow rollover/dns/ask.c '#include "dns/ask.h"' '#include "base/a.h"' '#include "ports.h"' \
    '#include "core/types.h"' '#include "crypto/key.h"' '#include <ldns/ldns.h>' '#include <unbound.h>'
sow rollover/net/http.c '#include "http.h"' '#include <curl/curl.h>' '#include <netinet/in.h>'
sow rollover/store/db.c '#include <sqlite3.h>'
sow rollover/conf/conf.c '#include <confuse.h>'
sow rollover/crypto/key.c '#include <openssl/evp.h>'
sow rollover/engine.c '#include "engine.h"' '#include "core/plan.h"' '#include "ports.h"' '#include "config.h"'
sow milter/milter.c '#include <libmilter/mfapi.h>' '#include "snapshot.h"' '#include "conf/conf.h"'
sow milter/danectl.c '#include "store/db.h"' '#include "engine.h"'
sow milter/danectl_look.c '#include "store/db.h"' '#include "milter/danectl.h"' '#include <jansson.h>'
sow milter/danectl.h '#include "store/db.h"'
sow rollover/acme/json.c '#include <jansson.h>'
sow milter/compose.c '#include "conf/conf.h"' '#include "engine.h"' '#include "milter/compose.h"'
sow milter/compose.h '#include "engine.h"'
sow milter/helper.c '#include "ports.h"' '#include "crypto/key.h"' '#include "core/types.h"'
sow milter/main.c '#include "store/db.h"' '#include "core/plan.h"' '#include "dns/ask.h"' '#include "engine.h"'
sow milter/main_world.c '#include "milter/main.h"' '#include "store/db.h"'
sow milter/main.h '#include "dns/ask.h"'
sow tests/unit/test_a.c '#include "store/db.h"' '#include <openssl/ssl.h>' '#include <cmocka.h>'
expect_clean "every allowed direction"
clean_tree

# Each wrong direction.
sow rollover/base/b.c '#include "core/types.h"'
expect_caught '^rollover/base/b.c:2: base may not include core'
sow rollover/core/plan.c '#include "base/a.h"'
expect_caught '^rollover/core/plan.c:2: core may not include base'
sow rollover/core/plan.c '#include "ports.h"'
expect_caught '^rollover/core/plan.c:2: core may not include ports'
sow rollover/dns/ask.c '' '#  include "store/db.h"'
expect_caught '^rollover/dns/ask.c:3: dns may not include store'
sow rollover/store/db.c '#include "../dns/ask.h"'
expect_caught '^rollover/store/db.c:2:'
sow rollover/dns/ask.c '#include "engine.h"'
expect_caught '^rollover/dns/ask.c:2: dns may not include engine'
sow rollover/core/plan.h 'int plan_next(int now);'
sow rollover/dns/ask.c '#include "core/plan.h"'
expect_caught '^rollover/dns/ask.c:2: dns may not include core .it declares functions'
sow rollover/core/plan.h 'const struct types *plan_next(int now,' '    int then);'
sow rollover/ports.h '#include "core/plan.h"'
expect_caught '^rollover/ports.h:2: ports may not include core .it declares functions'
sow rollover/engine.c '#include "store/db.h"'
expect_caught '^rollover/engine.c:2: engine may not include store'
sow rollover/engine.c '#include "milter/x.h"'
expect_caught '^rollover/engine.c:2:'
sow milter/x.h 'struct x;'
sow rollover/engine.c '#include "milter/x.h"'
expect_caught '^rollover/engine.c:2: engine may not include milter'
sow milter/danectl.h 'struct danectl;'
sow milter/session.c '#include "milter/danectl.h"'
expect_caught '^milter/session.c:2: milter may not include main'
sow milter/session.c '#include "engine.h"'
expect_caught '^milter/session.c:2: milter may not include engine'
sow milter/session.c '#include "dns/ask.h"'
expect_caught '^milter/session.c:2: milter may not include dns'
sow milter/compose.c '#include "store/db.h"'
expect_caught '^milter/compose.c:2: compose may not include store'
sow milter/compose.h 'struct compose;'
sow milter/session.c '#include "milter/compose.h"'
expect_caught '^milter/session.c:2: milter may not include compose'
sow rollover/crypto/cert.h 'int cert_make(void);'
sow milter/session.c '#include "crypto/cert.h"'
expect_caught '^milter/session.c:2: milter may not include crypto'

# Libraries.
sow rollover/net/probe.c '#include <openssl/ssl.h>'
expect_caught '^rollover/net/probe.c:2: <openssl/ssl.h> is included in rollover/crypto/ only'
sow rollover/engine.c '#include <curl/curl.h>'
expect_caught 'curl/curl.h> is included in rollover/net/ only'
sow rollover/store/db.c '#include <ldns/ldns.h>'
expect_caught 'ldns/ldns.h> is included in rollover/dns/ only'
sow rollover/core/plan.c '#include <unbound.h>'
expect_caught 'unbound.h> is included in rollover/dns/ only'
sow rollover/dns/ask.c '#include <sqlite3.h>'
expect_caught 'sqlite3.h> is included in rollover/store/ only'
sow milter/main.c '#include <confuse.h>'
expect_caught 'confuse.h> is included in rollover/conf/ only'
sow milter/session.c '#include <libmilter/mfapi.h>'
expect_caught '^milter/session.c:2: <libmilter/mfapi.h> is included in milter/milter.c only'
sow rollover/net/http.c '#include <jansson.h>'
expect_caught '^rollover/net/http.c:2: <jansson.h> is included in rollover/acme/ rollover/dns/ milter/ only'
sow rollover/net/http.c '#include <zlib.h>'
sow rollover/dns/ask.c '#include <zlib.h>'
expect_caught 'zlib.h> is included in rollover/[a-z]*/ only'
sow rollover/base/b.c '#include <glib.h>'
expect_caught '^rollover/base/b.c:2: <glib.h> is of a library that no folder owns'
sow rollover/engine.c '#include <store/db.h>'
expect_caught '^rollover/engine.c:2: a header of ours goes into ""'
sow rollover/engine.c '#include "nowhere.h"'
expect_caught '^rollover/engine.c:2: "nowhere.h" is no header of this tree'

# Circles.
sow rollover/base/x.h '#include "base/y.h"'
sow rollover/base/y.h '#include "base/z.h"'
sow rollover/base/z.h '#include "base/x.h"'
expect_caught 'circle of includes: .*rollover/base/x.h'
sow rollover/net/http.c '#include "crypto/key.h"'
sow rollover/crypto/key.c '#include "net/http.h"'
expect_caught 'circle of folders through (net|crypto)'

rm -rf "$seeds/tree/rollover" "$seeds/tree/milter"
run_check
[ "$status" -eq 2 ] || { echo "FAILED: an empty tree gave status $status"; failures=$((failures + 1)); }
finish

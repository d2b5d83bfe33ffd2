#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
check=spdx
# shellcheck source=tests/checks/seed.sh
. "$(dirname "$0")/seed.sh"

expect_clean "sources with a licence"
echo 'int x;' >"$seeds/tree/rollover/base/x.c"
expect_caught '^rollover/base/x.c:1: no "SPDX'
printf '\n\n/* SPDX-License-Identifier: BSD-2-Clause */\n' >"$seeds/tree/rollover/base/x.h"
expect_caught '^rollover/base/x.h:1: no "SPDX'
printf '/* SPDX-License-Identifier: GPL-2.0 */\n' >"$seeds/tree/milter/x.c"
expect_caught '^milter/x.c:1: no "SPDX'
mkdir -p "$seeds/tree/tests/world"
printf '#!/usr/bin/env bash\necho hi\n' >"$seeds/tree/tests/world/up"
expect_caught '^tests/world/up:1: no "SPDX'
mkdir -p "$seeds/tree/tests/x"
printf 'TESTS += x\n' >"$seeds/tree/tests/x/local.mk"
expect_caught '^tests/x/local.mk:1: no "SPDX'
finish

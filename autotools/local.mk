# SPDX-License-Identifier: BSD-2-Clause
# Build helpers and the static checks.
dist_noinst_SCRIPTS += autotools/bootstrap autotools/run-test
EXTRA_DIST += autotools/no-cmocka/cmocka.h

# SPDX-License-Identifier: BSD-2-Clause
noinst_LIBRARIES += librbase.a
librbase_a_SOURCES = rollover/base/err.c rollover/base/err.h

check_PROGRAMS += tests/unit/test_err
TESTS += tests/unit/test_err
tests_unit_test_err_SOURCES = tests/unit/test_err.c
tests_unit_test_err_LDADD = librbase.a $(CMOCKA_LIBS)

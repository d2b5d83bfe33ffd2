# SPDX-License-Identifier: BSD-2-Clause
noinst_LIBRARIES += librbase.a
librbase_a_SOURCES = rollover/base/err.c rollover/base/err.h \
    rollover/base/file.c rollover/base/file.h \
    rollover/base/text.c rollover/base/text.h \
    rollover/base/tsigfile.c rollover/base/tsigfile.h

check_PROGRAMS += tests/unit/test_err tests/unit/test_text tests/unit/test_file
TESTS += tests/unit/test_err tests/unit/test_text tests/unit/test_file
tests_unit_test_err_SOURCES = tests/unit/test_err.c
tests_unit_test_err_LDADD = librbase.a $(CMOCKA_LIBS)
tests_unit_test_text_SOURCES = tests/unit/test_text.c
tests_unit_test_text_LDADD = librbase.a $(CMOCKA_LIBS)
tests_unit_test_file_SOURCES = tests/unit/test_file.c
tests_unit_test_file_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=fsync -Wl,--wrap=renameat -Wl,--wrap=write \
    -Wl,--wrap=fstat
tests_unit_test_file_LDADD = librbase.a $(CMOCKA_LIBS)

# SPDX-License-Identifier: BSD-2-Clause
# The programs danemilter and danectl.
noinst_LIBRARIES += libmilterside.a
libmilterside_a_SOURCES = \
	milter/compose.c milter/compose.h \
	milter/daemon.c milter/daemon.h \
	milter/helper.c milter/helper.h \
	milter/helper_client.c \
	milter/helper_msg.c milter/helper_msg.h \
	milter/maillog.c milter/maillog.h \
	milter/msg.c milter/msg.h \
	milter/sysclock.c milter/sysclock.h

check_PROGRAMS += tests/unit/test_helper
TESTS += tests/unit/test_helper
tests_unit_test_helper_SOURCES = tests/unit/test_helper.c
tests_unit_test_helper_LDADD = libmilterside.a librcrypto.a librbase.a $(OPENSSL_LIBS) $(CMOCKA_LIBS)

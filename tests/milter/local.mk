# SPDX-License-Identifier: BSD-2-Clause
# The milter, from the other end of its socket.
check_PROGRAMS += tests/milter/test_session tests/milter/test_milter
TESTS += tests/milter/test_session tests/milter/test_milter
tests_milter_test_session_SOURCES = tests/milter/test_session.c
tests_milter_test_session_LDADD = libmilterside.a librbase.a $(CMOCKA_LIBS)
tests_milter_test_milter_SOURCES = tests/milter/test_milter.c tests/milter/wire.c tests/milter/wire.h
tests_milter_test_milter_LDADD = libmilterside.a librconf.a librbase.a $(MILTER_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/milter/test_daemon_dirs
TESTS += tests/milter/test_daemon_dirs
tests_milter_test_daemon_dirs_SOURCES = tests/milter/test_daemon_dirs.c $(dm_scratch)
tests_milter_test_daemon_dirs_LDADD = libmilterside.a librbase.a $(JANSSON_LIBS) $(CMOCKA_LIBS) \
	$(PTHREAD_LIBS)
check_PROGRAMS += tests/milter/test_ledger tests/milter/test_guard
TESTS += tests/milter/test_ledger tests/milter/test_guard
tests_milter_test_ledger_SOURCES = tests/milter/test_ledger.c
tests_milter_test_ledger_LDADD = libmilterside.a librbase.a $(CMOCKA_LIBS) $(PTHREAD_LIBS)
tests_milter_test_guard_SOURCES = tests/milter/test_guard.c
tests_milter_test_guard_LDADD = libmilterside.a librbase.a $(CMOCKA_LIBS) $(PTHREAD_LIBS)
# t_guard.sh runs it
EXTRA_DIST += tests/milter/guard.lua
# t_load.sh runs it
check_PROGRAMS += tests/milter/flood
tests_milter_flood_SOURCES = tests/milter/flood.c

# SPDX-License-Identifier: BSD-2-Clause
# librstore.a: state and history (SQLite), key files, the lock; and their tests.
noinst_LIBRARIES += librstore.a
librstore_a_SOURCES = \
    rollover/store/cells.c rollover/store/cells.h \
    rollover/store/columns.c rollover/store/columns.h \
    rollover/store/copy.c rollover/store/copy.h \
    rollover/store/db.c rollover/store/db.h \
    rollover/store/keydir.c rollover/store/keydir.h \
    rollover/store/ledgerdb.c rollover/store/ledgerdb.h \
    rollover/store/lock.c rollover/store/lock.h \
    rollover/store/marker.c rollover/store/marker.h \
    rollover/store/rows.c rollover/store/rows.h \
    rollover/store/schema.c rollover/store/schema.h \
    rollover/store/store.c rollover/store/store.h

store_test_helpers = tests/unit/store_try.c tests/unit/store_try.h
store_test_libs = librstore.a librbase.a $(SQLITE_LIBS) $(CMOCKA_LIBS)
store_tests = tests/unit/test_store tests/unit/test_store_columns tests/unit/test_store_faults \
    tests/unit/test_store_disk tests/unit/test_store_notes tests/unit/test_lock tests/unit/test_keydir \
    tests/unit/test_ledgerdb
check_PROGRAMS += $(store_tests)
TESTS += $(store_tests)
tests_unit_test_store_SOURCES = tests/unit/test_store.c $(store_test_helpers)
tests_unit_test_store_LDADD = $(store_test_libs)
tests_unit_test_store_columns_SOURCES = tests/unit/test_store_columns.c
tests_unit_test_store_columns_LDADD = $(store_test_libs)
tests_unit_test_store_faults_SOURCES = tests/unit/test_store_faults.c $(store_test_helpers)
tests_unit_test_store_faults_LDADD = $(store_test_libs)
tests_unit_test_store_disk_SOURCES = tests/unit/test_store_disk.c $(store_test_helpers)
tests_unit_test_store_disk_LDADD = $(store_test_libs)
tests_unit_test_store_notes_SOURCES = tests/unit/test_store_notes.c $(store_test_helpers)
tests_unit_test_store_notes_LDADD = $(store_test_libs)
tests_unit_test_lock_SOURCES = tests/unit/test_lock.c
tests_unit_test_lock_LDADD = $(store_test_libs)
tests_unit_test_keydir_SOURCES = tests/unit/test_keydir.c
tests_unit_test_keydir_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=fsync
tests_unit_test_keydir_LDADD = librstore.a librcrypto.a librbase.a $(OPENSSL_LIBS) $(CMOCKA_LIBS)
tests_unit_test_ledgerdb_SOURCES = tests/unit/test_ledgerdb.c $(store_test_helpers)
tests_unit_test_ledgerdb_LDADD = $(store_test_libs)

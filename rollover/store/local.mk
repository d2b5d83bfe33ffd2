# SPDX-License-Identifier: BSD-2-Clause
# librstore.a: state and history (SQLite), key files, the lock; and their tests.
noinst_LIBRARIES += librstore.a
librstore_a_SOURCES = \
    rollover/store/cells.c rollover/store/cells.h \
    rollover/store/columns.c rollover/store/columns.h \
    rollover/store/db.c rollover/store/db.h \
    rollover/store/keydir.c rollover/store/keydir.h \
    rollover/store/lock.c rollover/store/lock.h \
    rollover/store/marker.c rollover/store/marker.h \
    rollover/store/rows.c rollover/store/rows.h \
    rollover/store/schema.c rollover/store/schema.h \
    rollover/store/store.c rollover/store/store.h

# SPDX-License-Identifier: BSD-2-Clause
# librstore.a: state and history (SQLite), key files, the lock; and their tests.
noinst_LIBRARIES += librstore.a
librstore_a_SOURCES = \
	rollover/store/keydir.c rollover/store/keydir.h \
	rollover/store/lock.c rollover/store/lock.h

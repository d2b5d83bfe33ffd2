# SPDX-License-Identifier: BSD-2-Clause
# librpostfix.a: parameters, chain file, reload, verification.
noinst_LIBRARIES += librpostfix.a
librpostfix_a_SOURCES = \
    rollover/postfix/chainfile.c rollover/postfix/chainfile.h \
    rollover/postfix/deploy.c rollover/postfix/deploy.h \
    rollover/postfix/folder.c rollover/postfix/folder.h \
    rollover/postfix/params.c rollover/postfix/params.h \
    rollover/postfix/procs.c rollover/postfix/procs.h \
    rollover/postfix/run.c rollover/postfix/run.h

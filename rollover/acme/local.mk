# SPDX-License-Identifier: BSD-2-Clause
# libracme.a: certificates from a CA that speaks ACME.
noinst_LIBRARIES += libracme.a
libracme_a_SOURCES = \
    rollover/acme/account.c rollover/acme/account.h \
    rollover/acme/acme.c rollover/acme/acme.h \
    rollover/acme/budget.c rollover/acme/budget.h \
    rollover/acme/challenges.c rollover/acme/challenges.h \
    rollover/acme/client.c rollover/acme/client.h \
    rollover/acme/doc.c rollover/acme/doc.h \
    rollover/acme/finalize.c rollover/acme/finalize.h \
    rollover/acme/issued.c rollover/acme/issued.h \
    rollover/acme/note.c rollover/acme/note.h \
    rollover/acme/order.c rollover/acme/order.h \
    rollover/acme/orderdoc.c rollover/acme/orderdoc.h \
    rollover/acme/ordernote.c rollover/acme/ordernote.h \
    rollover/acme/orderrun.c rollover/acme/orderrun.h \
    rollover/acme/pace.c rollover/acme/pace.h \
    rollover/acme/problem.c rollover/acme/problem.h \
    rollover/acme/signed.c rollover/acme/signed.h \
    rollover/acme/transport.c rollover/acme/transport.h

# With fakeca: tests/acme.
check_PROGRAMS += tests/unit/test_acme_pure
TESTS += tests/unit/test_acme_pure
tests_unit_test_acme_pure_SOURCES = tests/unit/test_acme_pure.c
tests_unit_test_acme_pure_LDADD = libracme.a librnet.a librcrypto.a librbase.a \
    $(JANSSON_LIBS) $(CURL_LIBS) $(OPENSSL_LIBS) $(CMOCKA_LIBS)

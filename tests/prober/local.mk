# SPDX-License-Identifier: BSD-2-Clause
# The prober: a DANE sender that counts its verdicts. Here too: the tests of what it shares with
# the engine's proof (handshake, judging chains, SMTP).
check_LIBRARIES += tests/prober/libtestserver.a
tests_prober_libtestserver_a_SOURCES = \
    tests/prober/pki.c tests/prober/pki.h \
    tests/prober/server.c tests/prober/server.h

prober_test_libs = tests/prober/libtestserver.a librnet.a librcrypto.a librbase.a \
    $(CMOCKA_LIBS) $(OPENSSL_LIBS)

# Needed by the demo too, so built by "make".
noinst_PROGRAMS += prober
prober_SOURCES = \
    tests/prober/prober.c tests/prober/prober.h \
    tests/prober/prober_dns.c tests/prober/prober_dns.h \
    tests/prober/prober_held.c tests/prober/prober_held.h \
    tests/prober/prober_options.c \
    tests/prober/prober_probe.c tests/prober/prober_probe.h \
    tests/prober/prober_tally.c tests/prober/prober_tally.h \
    tests/prober/prober_watch.c tests/prober/prober_work.c
prober_LDADD = librnet.a librcrypto.a librbase.a $(LDNS_LIBS) $(OPENSSL_LIBS)

check_PROGRAMS += tests/unit/test_held
TESTS += tests/unit/test_held
tests_unit_test_held_SOURCES = tests/unit/test_held.c \
    tests/prober/prober_dns.c tests/prober/prober_dns.h \
    tests/prober/prober_held.c tests/prober/prober_held.h
tests_unit_test_held_LDADD = librbase.a $(LDNS_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/test_danematch tests/unit/test_handshake tests/unit/test_smtp \
    tests/unit/test_smtp_probe
TESTS += tests/unit/test_danematch tests/unit/test_handshake tests/unit/test_smtp \
    tests/unit/test_smtp_probe
tests_unit_test_danematch_SOURCES = tests/unit/test_danematch.c
tests_unit_test_danematch_LDADD = $(prober_test_libs)
tests_unit_test_handshake_SOURCES = tests/unit/test_handshake.c
tests_unit_test_handshake_LDADD = $(prober_test_libs)
tests_unit_test_smtp_SOURCES = tests/unit/test_smtp.c
tests_unit_test_smtp_LDADD = $(prober_test_libs)
tests_unit_test_smtp_probe_SOURCES = tests/unit/test_smtp_probe.c
tests_unit_test_smtp_probe_LDADD = $(prober_test_libs)

dist_check_SCRIPTS += tests/prober/t_wrong.sh
TESTS += tests/prober/t_wrong.sh

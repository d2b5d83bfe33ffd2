# SPDX-License-Identifier: BSD-2-Clause
# librdns.a: providers, resolving, observation.
noinst_LIBRARIES += librdns.a
librdns_a_SOURCES = \
    rollover/dns/answer.c rollover/dns/answer.h \
    rollover/dns/challenge.c rollover/dns/challenge.h \
    rollover/dns/change.c rollover/dns/change.h \
    rollover/dns/delegation.c rollover/dns/delegation.h \
    rollover/dns/exchange.c rollover/dns/exchange.h \
    rollover/dns/hosts.c rollover/dns/hosts.h \
    rollover/dns/lookup.c rollover/dns/lookup.h \
    rollover/dns/maildomain.c rollover/dns/maildomain.h \
    rollover/dns/observe.c rollover/dns/observe.h \
    rollover/dns/powerdns.c rollover/dns/powerdns.h \
    rollover/dns/powerdns_rrset.c rollover/dns/powerdns_rrset.h \
    rollover/dns/primary.c rollover/dns/primary.h \
    rollover/dns/provider.c rollover/dns/provider.h \
    rollover/dns/rdataset.c rollover/dns/rdataset.h \
    rollover/dns/replay.c rollover/dns/replay.h \
    rollover/dns/resolve.c rollover/dns/resolve.h \
    rollover/dns/rfc2136.c rollover/dns/rfc2136.h \
    rollover/dns/sweep.c rollover/dns/sweep.h \
    rollover/dns/tsigkey.c rollover/dns/tsigkey.h \
    rollover/dns/tsigmsg.c rollover/dns/tsigmsg.h \
    rollover/dns/txt.c rollover/dns/txt.h \
    rollover/dns/verdict.c rollover/dns/verdict.h \
    rollover/dns/wire.c rollover/dns/wire.h

dns_libs = librdns.a librnet.a librcrypto.a librbase.a \
    $(LDNS_LIBS) $(UNBOUND_LIBS) $(CURL_LIBS) $(JANSSON_LIBS) $(OPENSSL_LIBS)

dns_unit_tests = \
    tests/unit/test_challenge \
    tests/unit/test_dns_answer \
    tests/unit/test_dns_exchange \
    tests/unit/test_dns_replay \
    tests/unit/test_dns_rfc2136 \
    tests/unit/test_dns_tsigkey \
    tests/unit/test_dns_txt \
    tests/unit/test_dns_wire \
    tests/unit/test_powerdns
check_PROGRAMS += $(dns_unit_tests)
TESTS += $(dns_unit_tests)
tests_unit_test_challenge_SOURCES = tests/unit/test_challenge.c \
    tests/dns/fakezone.c tests/dns/fakezone.h
tests_unit_test_challenge_LDADD = $(dns_libs) $(CMOCKA_LIBS)
tests_unit_test_dns_answer_SOURCES = tests/unit/test_dns_answer.c \
    tests/dns/fakezone.c tests/dns/fakezone.h
tests_unit_test_dns_answer_LDADD = $(dns_libs) $(CMOCKA_LIBS)
tests_unit_test_dns_exchange_SOURCES = tests/unit/test_dns_exchange.c \
    tests/dns/fakeserver.c tests/dns/fakeserver.h
tests_unit_test_dns_exchange_LDADD = $(dns_libs) $(CMOCKA_LIBS)
tests_unit_test_dns_replay_SOURCES = tests/unit/test_dns_replay.c \
    tests/dns/fakezone.c tests/dns/fakezone.h
tests_unit_test_dns_replay_LDADD = $(dns_libs) $(CMOCKA_LIBS)
fakeprimary = tests/dns/fakeprimary.c tests/dns/fakeprimary.h \
    tests/dns/fakeserver.c tests/dns/fakeserver.h
tests_unit_test_dns_rfc2136_SOURCES = tests/unit/test_dns_rfc2136.c $(fakeprimary)
tests_unit_test_dns_rfc2136_LDADD = $(dns_libs) $(CMOCKA_LIBS)
tests_unit_test_dns_tsigkey_SOURCES = tests/unit/test_dns_tsigkey.c
tests_unit_test_dns_tsigkey_LDADD = $(dns_libs) $(CMOCKA_LIBS)
tests_unit_test_dns_txt_SOURCES = tests/unit/test_dns_txt.c $(fakeprimary)
tests_unit_test_dns_txt_LDADD = $(dns_libs) $(CMOCKA_LIBS)
tests_unit_test_dns_wire_SOURCES = tests/unit/test_dns_wire.c
tests_unit_test_dns_wire_LDADD = $(dns_libs) $(CMOCKA_LIBS)
tests_unit_test_powerdns_SOURCES = tests/unit/test_powerdns.c \
    tests/dns/fakehttp.c tests/dns/fakehttp.h tests/dns/fakepowerdns.c tests/dns/fakepowerdns.h
tests_unit_test_powerdns_LDADD = $(dns_libs) $(CMOCKA_LIBS)

# By hand, and for the tests in the mail world.
check_PROGRAMS += tests/dns/dnsround tests/dns/dnschange tests/dns/dnschallenge
tests_dns_dnsround_SOURCES = tests/dns/dnsround.c
tests_dns_dnsround_LDADD = $(dns_libs)
tests_dns_dnschallenge_SOURCES = tests/dns/dnschallenge.c
tests_dns_dnschallenge_LDADD = $(dns_libs)
tests_dns_dnschange_SOURCES = tests/dns/dnschange.c tests/dns/skew.c
tests_dns_dnschange_LDADD = $(dns_libs)

DNS_WORLD_TESTS = tests/world/t_dns_observe.sh tests/world/t_dns_update.sh \
    tests/world/t_dns_powerdns.sh tests/world/t_dns_challenge.sh
dist_check_SCRIPTS += $(DNS_WORLD_TESTS)
TESTS += $(DNS_WORLD_TESTS)

# By hand, with libFuzzer.
EXTRA_DIST += tests/fuzz/fuzz_dns_packet.c tests/fuzz/fuzz_powerdns.c

# SPDX-License-Identifier: BSD-2-Clause
# fakeca: an ACME server that is strict, and lies as it is told; the faults of ACME against it.
check_LIBRARIES += tests/acme/libfakeca.a
tests_acme_libfakeca_a_SOURCES = \
    tests/acme/fakeca.c tests/acme/fakeca.h tests/acme/fakeca_int.h \
    tests/acme/fakeca_acme.c tests/acme/fakeca_dns.c tests/acme/fakeca_http.c \
    tests/acme/fakeca_jws.c tests/acme/fakeca_lies.c tests/acme/fakeca_order.c \
    tests/acme/fakeca_pki.c
fakeca_libs = tests/acme/libfakeca.a $(LDNS_LIBS) $(JANSSON_LIBS) $(OPENSSL_LIBS)

check_PROGRAMS += fakeca
fakeca_SOURCES = tests/acme/fakeca_main.c
fakeca_LDADD = $(fakeca_libs)

acme_pair = tests/acme/acme_pair.c tests/acme/acme_pair.h tests/acme/acme_try.c tests/acme/acme_try.h
acme_pair_libs = tests/acme/libfakeca.a libracme.a librnet.a librstore.a librcrypto.a librbase.a \
    $(LDNS_LIBS) $(JANSSON_LIBS) $(CURL_LIBS) $(SQLITE_LIBS) $(OPENSSL_LIBS) $(CMOCKA_LIBS)
acme_tests = tests/acme/test_acme_course tests/acme/test_acme_crash tests/acme/test_acme_faults
check_PROGRAMS += $(acme_tests)
TESTS += $(acme_tests)
tests_acme_test_acme_course_SOURCES = tests/acme/test_acme_course.c $(acme_pair)
tests_acme_test_acme_course_LDADD = $(acme_pair_libs)
tests_acme_test_acme_crash_SOURCES = tests/acme/test_acme_crash.c $(acme_pair)
tests_acme_test_acme_crash_LDADD = $(acme_pair_libs)
tests_acme_test_acme_faults_SOURCES = tests/acme/test_acme_faults.c $(acme_pair)
tests_acme_test_acme_faults_LDADD = $(acme_pair_libs)

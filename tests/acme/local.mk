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

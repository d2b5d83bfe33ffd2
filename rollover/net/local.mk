# SPDX-License-Identifier: BSD-2-Clause
# librnet.a: HTTP and the STARTTLS probe.
noinst_LIBRARIES += librnet.a
librnet_a_SOURCES = \
    rollover/net/http.c rollover/net/http_header.c rollover/net/http.h \
    rollover/net/probe.c rollover/net/probe.h \
    rollover/net/smtp.c rollover/net/smtp.h \
    rollover/net/url.c rollover/net/url.h

check_PROGRAMS += tests/unit/test_http tests/unit/test_http_text
TESTS += tests/unit/test_http tests/unit/test_http_text
tests_unit_test_http_SOURCES = tests/unit/test_http.c tests/dns/fakehttp.c tests/dns/fakehttp.h
tests_unit_test_http_LDADD = tests/prober/libtestserver.a librnet.a librcrypto.a librbase.a \
    $(CMOCKA_LIBS) $(OPENSSL_LIBS) $(CURL_LIBS)
tests_unit_test_http_text_SOURCES = tests/unit/test_http_text.c
tests_unit_test_http_text_LDADD = librnet.a librcrypto.a librbase.a $(CMOCKA_LIBS) $(CURL_LIBS)

# SPDX-License-Identifier: BSD-2-Clause
# librconf.a: the configuration table and its parser.
noinst_LIBRARIES += librconf.a
librconf_a_SOURCES = \
    rollover/conf/check.c rollover/conf/check.h \
    rollover/conf/check_acme.c \
    rollover/conf/check_certificate.c \
    rollover/conf/check_dns.c \
    rollover/conf/check_host.c \
    rollover/conf/conf.c rollover/conf/conf.h \
    rollover/conf/dump.c \
    rollover/conf/each.c \
    rollover/conf/keyfile.c rollover/conf/keyfile.h \
    rollover/conf/lex.c rollover/conf/lex.h \
    rollover/conf/mdoc.c \
    rollover/conf/milters.c rollover/conf/milters.h \
    rollover/conf/names.c rollover/conf/names.h \
    rollover/conf/peak.c \
    rollover/conf/table.c rollover/conf/table.h \
    rollover/conf/tree.c rollover/conf/tree.h \
    rollover/conf/value.c rollover/conf/value.h

# Prints the options for the manual page.
noinst_PROGRAMS += rollover/conf/conf2mdoc
rollover_conf_conf2mdoc_SOURCES = rollover/conf/conf2mdoc.c
rollover_conf_conf2mdoc_LDADD = librconf.a librbase.a $(CONFUSE_LIBS)

dist_doc_DATA += postfix-conf/danemilter.conf.example

conf_test_helpers = tests/unit/conf_try.c tests/unit/conf_try.h
conf_test_libs = librconf.a librbase.a $(CONFUSE_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/test_conf tests/unit/test_conf_errors tests/unit/test_conf_certificate
TESTS += tests/unit/test_conf tests/unit/test_conf_errors tests/unit/test_conf_certificate
tests_unit_test_conf_SOURCES = tests/unit/test_conf.c $(conf_test_helpers)
tests_unit_test_conf_LDADD = $(conf_test_libs)
tests_unit_test_conf_errors_SOURCES = tests/unit/test_conf_errors.c $(conf_test_helpers)
tests_unit_test_conf_errors_LDADD = $(conf_test_libs)
tests_unit_test_conf_certificate_SOURCES = tests/unit/test_conf_certificate.c $(conf_test_helpers)
tests_unit_test_conf_certificate_LDADD = $(conf_test_libs)
check_PROGRAMS += tests/unit/test_conf_issue
TESTS += tests/unit/test_conf_issue
tests_unit_test_conf_issue_SOURCES = tests/unit/test_conf_issue.c $(conf_test_helpers)
tests_unit_test_conf_issue_LDADD = $(conf_test_libs)
check_PROGRAMS += tests/unit/test_conf_milters
TESTS += tests/unit/test_conf_milters
tests_unit_test_conf_milters_SOURCES = tests/unit/test_conf_milters.c
tests_unit_test_conf_milters_LDADD = librconf.a librbase.a $(CMOCKA_LIBS)

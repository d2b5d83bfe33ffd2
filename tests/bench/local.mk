# SPDX-License-Identifier: BSD-2-Clause
# Measurements; none of them runs in make check. "make bench" needs root.
EXTRA_PROGRAMS = bench_issue bench_relay bench_null bench_smtp
CLEANFILES += bench_issue bench_relay bench_null bench_smtp
bench_issue_SOURCES = tests/bench/issue.c milter/sysclock.c milter/sysclock.h
bench_issue_LDADD = libracme.a librdns.a librstore.a librnet.a librcrypto.a librbase.a \
    $(LDNS_LIBS) $(UNBOUND_LIBS) $(SQLITE_LIBS) $(JANSSON_LIBS) $(CURL_LIBS) $(OPENSSL_LIBS)
bench_relay_SOURCES = tests/bench/relay.c
bench_null_SOURCES = tests/bench/null.c
bench_null_LDADD = $(MILTER_LIBS)
bench_smtp_SOURCES = tests/bench/smtp.c
bench_smtp_LDADD = $(PTHREAD_LIBS)
dist_noinst_SCRIPTS += tests/bench/bench tests/bench/hook tests/bench/inside tests/bench/milter
EXTRA_DIST += tests/bench/table.awk tests/bench/milter.awk

PHONY_TARGETS += bench bench-milter bench-acme
bench: bench-milter bench-acme
bench-milter: bench_null bench_smtp danemilter danectl
	DANEMILTER_BUILD='$(abs_top_builddir)' '$(srcdir)/tests/bench/milter'
bench-acme: bench_issue bench_relay
	DANEMILTER_BUILD='$(abs_top_builddir)' '$(srcdir)/tests/bench/bench'

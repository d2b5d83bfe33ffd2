# SPDX-License-Identifier: BSD-2-Clause
# Measurements; none of them runs in make check. "make bench" needs root.
EXTRA_PROGRAMS = bench_issue bench_relay
CLEANFILES += bench_issue bench_relay
bench_issue_SOURCES = tests/bench/issue.c milter/sysclock.c milter/sysclock.h
bench_issue_LDADD = libracme.a librdns.a librstore.a librnet.a librcrypto.a librbase.a \
    $(LDNS_LIBS) $(UNBOUND_LIBS) $(SQLITE_LIBS) $(JANSSON_LIBS) $(CURL_LIBS) $(OPENSSL_LIBS)
bench_relay_SOURCES = tests/bench/relay.c
dist_noinst_SCRIPTS += tests/bench/bench tests/bench/hook tests/bench/inside
EXTRA_DIST += tests/bench/table.awk

PHONY_TARGETS += bench
bench: bench_issue bench_relay
	DANEMILTER_BUILD='$(abs_top_builddir)' '$(srcdir)/tests/bench/bench'

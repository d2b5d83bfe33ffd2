# SPDX-License-Identifier: BSD-2-Clause
# The explorer of every state: this core, compiled once more for a small world.

small_core_cppflags = $(AM_CPPFLAGS) -DMODEL_MAX_RECS=3 -DMODEL_MAX_KEYS=3 -DMODEL_MAX_CHAINS=4 \
    -DMODEL_MAX_ALGS=1 -DMODEL_MAX_OWNERS=1 -DMODEL_MAX_ADDRS=2 -DMODEL_MAX_COMBOS=1

check_PROGRAMS += tests/model/explorer
tests_model_explorer_CPPFLAGS = $(small_core_cppflags)
tests_model_explorer_SOURCES = $(librcore_a_SOURCES) \
    tests/model/explorer.c \
    tests/model/graph.c tests/model/graph.h \
    tests/model/product.c tests/model/product.h \
    tests/model/small.c tests/model/small.h \
    tests/model/small_code.c \
    tests/model/small_engine.c tests/model/small_engine.h \
    tests/model/small_tidy.c \
    tests/model/trace.c tests/model/trace.h

dist_check_SCRIPTS += tests/model/t_explorer.sh tests/model/t_seeded.sh
dist_noinst_SCRIPTS += tests/model/explore
TESTS += tests/model/t_explorer.sh tests/model/t_seeded.sh
EXTRA_DIST += tests/model/README.md

# Larger worlds; minutes and gigabytes. Not part of make check.
explore: tests/model/explorer
	DANEMILTER_BUILD='$(abs_top_builddir)' '$(abs_top_srcdir)/tests/model/explore'
PHONY_TARGETS += explore

# SPDX-License-Identifier: BSD-2-Clause
# Manual pages; the options of danemilter.conf(5) come from the table of rollover/conf.
dist_man_MANS += postfix-conf/danemilter.8 postfix-conf/danectl.8
nodist_man_MANS = postfix-conf/danemilter.conf.5
EXTRA_DIST += postfix-conf/danemilter.conf.5.in postfix-conf/danemilter.service
CLEANFILES += postfix-conf/danemilter.conf.5 postfix-conf/options.tmp postfix-conf/page.tmp

postfix-conf/danemilter.conf.5: postfix-conf/danemilter.conf.5.in rollover/conf/conf2mdoc$(EXEEXT)
	$(AM_V_GEN)$(MKDIR_P) postfix-conf
	$(AM_V_at)rollover/conf/conf2mdoc$(EXEEXT) >postfix-conf/options.tmp
	$(AM_V_at)sed -e '/^@OPTIONS@$$/{' -e 'r postfix-conf/options.tmp' -e 'd' -e '}' \
	    '$(top_srcdir)/postfix-conf/danemilter.conf.5.in' >postfix-conf/page.tmp
	$(AM_V_at)mv postfix-conf/page.tmp $@ && rm -f postfix-conf/options.tmp

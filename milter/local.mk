# SPDX-License-Identifier: BSD-2-Clause
# The programs danemilter and danectl.
noinst_LIBRARIES += libmilterside.a
libmilterside_a_SOURCES = \
	milter/compose.c milter/compose.h \
	milter/control.c milter/control.h \
	milter/control_box.c milter/control_box.h \
	milter/control_client.c milter/control_client.h \
	milter/control_msg.c milter/control_msg.h \
	milter/control_peer.c milter/control_peer.h \
	milter/daemon.c milter/daemon.h \
	milter/endpoint.c milter/endpoint.h \
	milter/helper.c milter/helper.h \
	milter/helper_client.c \
	milter/helper_msg.c milter/helper_msg.h \
	milter/maillog.c milter/maillog.h \
	milter/master.c milter/master.h \
	milter/milter.c milter/milter.h \
	milter/msg.c milter/msg.h \
	milter/session.c milter/session.h \
	milter/ledger.c milter/ledger.h milter/guard.c milter/guard.h \
	milter/limiter.c milter/limiter.h \
	milter/notice.c milter/notice.h \
	milter/notice_mail.c \
	milter/sysclock.c milter/sysclock.h \
	milter/work.c milter/work.h

check_PROGRAMS += tests/unit/test_control tests/unit/test_control_msg
TESTS += tests/unit/test_control tests/unit/test_control_msg
tests_unit_test_control_msg_SOURCES = tests/unit/test_control_msg.c
tests_unit_test_control_msg_LDADD = libmilterside.a librbase.a $(JANSSON_LIBS) $(CMOCKA_LIBS)
tests_unit_test_control_SOURCES = tests/unit/test_control.c tests/unit/scratch.c tests/unit/scratch.h
tests_unit_test_control_LDADD = libmilterside.a librbase.a $(JANSSON_LIBS) $(CMOCKA_LIBS) \
	$(PTHREAD_LIBS)
check_PROGRAMS += tests/unit/test_helper
TESTS += tests/unit/test_helper
tests_unit_test_helper_SOURCES = tests/unit/test_helper.c
tests_unit_test_helper_LDADD = libmilterside.a librcrypto.a librbase.a $(OPENSSL_LIBS) $(CMOCKA_LIBS)

daemon_tests = tests/unit/test_work tests/unit/test_notice tests/unit/test_maillog
check_PROGRAMS += $(daemon_tests)
TESTS += $(daemon_tests)
tests_unit_test_work_SOURCES = tests/unit/test_work.c
tests_unit_test_work_LDADD = libmilterside.a librbase.a $(CMOCKA_LIBS) $(PTHREAD_LIBS)
tests_unit_test_notice_SOURCES = tests/unit/test_notice.c $(dm_scratch)
tests_unit_test_notice_LDADD = libmilterside.a librpostfix.a librbase.a $(CMOCKA_LIBS) $(PTHREAD_LIBS)
tests_unit_test_maillog_SOURCES = tests/unit/test_maillog.c $(dm_scratch)
tests_unit_test_maillog_LDADD = libmilterside.a librbase.a $(CMOCKA_LIBS) $(PTHREAD_LIBS)

DANEMILTER_LIBS = libmilterside.a libracme.a librconf.a librdns.a librpostfix.a librstore.a librengine.a librcore.a \
	librnet.a librcrypto.a librbase.a $(OPENSSL_LIBS) $(LDNS_LIBS) $(UNBOUND_LIBS) \
	$(CONFUSE_LIBS) $(SQLITE_LIBS) $(JANSSON_LIBS) $(CURL_LIBS) $(MILTER_LIBS) $(PTHREAD_LIBS)
sbin_PROGRAMS += danemilter
danemilter_SOURCES = milter/main.c milter/main.h \
	milter/main_control.c \
	milter/main_host.c \
	milter/main_ledger.c \
	milter/main_loop.c \
	milter/main_root.c \
	milter/main_world.c
danemilter_LDADD = $(DANEMILTER_LIBS) $(MILTER_LIBS)
bin_PROGRAMS += danectl
danectl_SOURCES = milter/danectl.c milter/danectl.h \
	milter/danectl_adopt.c milter/danectl_adopt.h \
	milter/danectl_adopt_back.c milter/danectl_adopt_back.h \
	milter/danectl_adopt_cert.c \
	milter/danectl_adopt_dns.c \
	milter/danectl_adopt_do.c \
	milter/danectl_adopt_facts.c \
	milter/danectl_adopt_plan.c \
	milter/danectl_adopt_text.c \
	milter/danectl_adopt_undoing.c \
	milter/danectl_adopt_postfix.c milter/danectl_adopt_postfix.h \
	milter/danectl_adopt_undo.c milter/danectl_adopt_undo.h \
	milter/danectl_config.c \
	milter/danectl_change.c \
	milter/danectl_export.c milter/danectl_export.h \
	milter/danectl_export_file.c \
	milter/danectl_export_take.c \
	milter/danectl_import_put.c \
	milter/danectl_history.c \
	milter/danectl_leave.c milter/danectl_leave.h \
	milter/danectl_leave_dns.c \
	milter/danectl_check_host.c milter/danectl_check.h \
	milter/danectl_check_dns.c \
	milter/danectl_check_ca.c \
	milter/danectl_check.c \
	milter/danectl_provider.c milter/danectl_provider.h \
	milter/danectl_tlsa.c \
	milter/danectl_probe.c \
	milter/danectl_sender.c milter/danectl_sender.h \
	milter/danectl_sessions.c \
	milter/danectl_state.c milter/danectl_state.h \
	milter/danectl_plan.c \
	milter/danectl_status.c milter/danectl_status.h \
	milter/danectl_status_json.c
danectl_LDADD = $(DANEMILTER_LIBS) $(JANSSON_LIBS)

# Rollovers of a real Postfix in the mail world (as root; else skipped).
ROLLOVER_TESTS = tests/world/t_rollover.sh tests/world/t_rollover_kill.sh \
	tests/world/t_rollover_frozen.sh
TESTS += $(ROLLOVER_TESTS)
dist_check_SCRIPTS += $(ROLLOVER_TESTS)
dist_noinst_SCRIPTS += tests/world/roll
EXTRA_DIST += tests/world/rollover.sh
dist_noinst_SCRIPTS += tests/world/demo
# Life under a real Postfix, and the lines that its configuration takes.
TESTS += tests/world/t_master.sh tests/world/t_life.sh tests/world/t_life_move.sh
dist_check_SCRIPTS += tests/world/t_master.sh tests/world/t_life.sh tests/world/t_life_move.sh
EXTRA_DIST += postfix-conf/master.cf.fragment postfix-conf/main.cf.fragment

# danectl adopt: its planner alone, and all of it in the mail world.
check_PROGRAMS += tests/unit/test_adopt
TESTS += tests/unit/test_adopt tests/world/t_adopt.sh
dist_check_SCRIPTS += tests/world/t_adopt.sh
tests_unit_test_adopt_SOURCES = tests/unit/test_adopt.c milter/danectl_adopt_plan.c \
	milter/danectl_adopt_text.c
tests_unit_test_adopt_LDADD = $(DANEMILTER_LIBS) $(CMOCKA_LIBS)

# danectl export and import.
check_PROGRAMS += tests/unit/test_export
TESTS += tests/unit/test_export
tests_unit_test_export_SOURCES = tests/unit/test_export.c milter/danectl_export_file.c \
	milter/danectl_export_take.c milter/danectl_import_put.c $(store_test_helpers)
tests_unit_test_export_LDADD = $(DANEMILTER_LIBS) $(JANSSON_LIBS) $(CMOCKA_LIBS)

# danectl's exit codes and JSON, in the mail world.
check_PROGRAMS += tests/control/jsonget
tests_control_jsonget_SOURCES = tests/control/jsonget.c
tests_control_jsonget_LDADD = $(JANSSON_LIBS)
TESTS += tests/control/t_danectl.sh
dist_check_SCRIPTS += tests/control/t_danectl.sh

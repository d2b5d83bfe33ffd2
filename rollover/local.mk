# SPDX-License-Identifier: BSD-2-Clause
# librengine.a: the engine, its worker and its snapshot.
noinst_LIBRARIES += librengine.a
librengine_a_SOURCES = \
	rollover/engine.c rollover/engine.h \
	rollover/ports.h \
	rollover/say.c rollover/say.h \
	rollover/forecast.c rollover/forecast.h \
	rollover/forecast_world.c rollover/forecast_world.h \
	rollover/status.c rollover/status.h \
	rollover/status_print.c \
	rollover/unit.c rollover/unit.h \
	rollover/unit_command.c \
	rollover/unit_dns.c \
	rollover/unit_job.c \
	rollover/unit_keys.c \
	rollover/unit_notice.c \
	rollover/unit_proof.c \
	rollover/unit_record.c \
	rollover/unit_batch.c \
	rollover/unit_switch.c \
	rollover/unit_targets.c
fakeworld = \
	tests/engine/fakekit.c tests/engine/fakekit.h \
	tests/engine/fakeports.c \
	tests/engine/fakestore.c \
	tests/engine/fakework.c \
	tests/engine/fakeworld.c tests/engine/fakeworld.h
engine_tests = tests/engine/test_engine tests/engine/test_outside tests/engine/test_orders \
	tests/engine/test_commands tests/engine/test_threads tests/engine/test_batch \
	tests/engine/test_services
check_PROGRAMS += $(engine_tests)
TESTS += $(engine_tests)
tests_engine_test_orders_SOURCES = tests/engine/test_orders.c $(fakeworld)
tests_engine_test_orders_LDADD = librengine.a librcore.a librbase.a $(CMOCKA_LIBS)
tests_engine_test_batch_SOURCES = tests/engine/test_batch.c $(fakeworld)
tests_engine_test_batch_LDADD = librengine.a librcore.a librbase.a $(CMOCKA_LIBS)
tests_engine_test_services_SOURCES = tests/engine/test_services.c
tests_engine_test_services_LDADD = librengine.a librcore.a librbase.a $(CMOCKA_LIBS)
tests_engine_test_threads_SOURCES = tests/engine/test_threads.c $(fakeworld)
tests_engine_test_threads_LDADD = librengine.a librcore.a librbase.a $(CMOCKA_LIBS)
tests_engine_test_commands_SOURCES = tests/engine/test_commands.c $(fakeworld)
tests_engine_test_commands_LDADD = librengine.a librcore.a librbase.a $(CMOCKA_LIBS)
tests_engine_test_engine_SOURCES = tests/engine/test_engine.c $(fakeworld)
tests_engine_test_outside_SOURCES = tests/engine/test_outside.c $(fakeworld)
tests_engine_test_outside_LDADD = librengine.a librcore.a librbase.a $(CMOCKA_LIBS)
tests_engine_test_engine_LDADD = librengine.a librcore.a librbase.a $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/test_forecast
TESTS += tests/unit/test_forecast
tests_unit_test_forecast_SOURCES = tests/unit/test_forecast.c tests/unit/core_kit.c \
	tests/unit/core_kit.h tests/unit/core_kit_run.c
tests_unit_test_forecast_LDADD = librengine.a librcore.a librbase.a $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/test_status
TESTS += tests/unit/test_status
tests_unit_test_status_SOURCES = tests/unit/test_status.c
tests_unit_test_status_LDADD = librengine.a librcore.a librbase.a $(CMOCKA_LIBS)

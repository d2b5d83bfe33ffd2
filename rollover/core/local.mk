# SPDX-License-Identifier: BSD-2-Clause
# librcore.a: the pure core (model, phase, safety, plan, renew) and its tests.
noinst_LIBRARIES += librcore.a
librcore_a_SOURCES = \
    rollover/core/model.h \
    rollover/core/facts.c rollover/core/facts.h \
    rollover/core/facts_dns.c \
    rollover/core/facts_file.c \
    rollover/core/facts_sweep.c \
    rollover/core/phase.c rollover/core/phase.h \
    rollover/core/phase_key.c \
    rollover/core/plan.c rollover/core/plan.h \
    rollover/core/plan_dns.c \
    rollover/core/plan_file.c \
    rollover/core/plan_step.c rollover/core/plan_step.h \
    rollover/core/renew.c rollover/core/renew.h \
    rollover/core/safety.c rollover/core/safety.h \
    rollover/core/safety_dns.c rollover/core/safety_dns.h \
    rollover/core/safety_switch.c rollover/core/safety_switch.h

core_kit = tests/unit/core_kit.c tests/unit/core_kit.h
core_libs = librcore.a $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/test_plan
TESTS += tests/unit/test_plan
tests_unit_test_plan_SOURCES = tests/unit/test_plan.c $(core_kit)
tests_unit_test_plan_LDADD = $(core_libs)

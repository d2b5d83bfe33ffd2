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
    rollover/core/safety_rrset.c \
    rollover/core/safety_switch.c rollover/core/safety_switch.h

core_kit = tests/unit/core_kit.c tests/unit/core_kit.h tests/unit/core_kit_run.c
core_libs = librcore.a $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/test_facts
TESTS += tests/unit/test_facts
tests_unit_test_facts_SOURCES = tests/unit/test_facts.c $(core_kit)
tests_unit_test_facts_LDADD = $(core_libs)

check_PROGRAMS += tests/unit/test_facts_file
TESTS += tests/unit/test_facts_file
tests_unit_test_facts_file_SOURCES = tests/unit/test_facts_file.c $(core_kit)
tests_unit_test_facts_file_LDADD = $(core_libs)

check_PROGRAMS += tests/unit/test_phase
TESTS += tests/unit/test_phase
tests_unit_test_phase_SOURCES = tests/unit/test_phase.c $(core_kit)
tests_unit_test_phase_LDADD = $(core_libs)

check_PROGRAMS += tests/unit/test_phase_key
TESTS += tests/unit/test_phase_key
tests_unit_test_phase_key_SOURCES = tests/unit/test_phase_key.c $(core_kit)
tests_unit_test_phase_key_LDADD = $(core_libs)

check_PROGRAMS += tests/unit/test_plan
TESTS += tests/unit/test_plan
tests_unit_test_plan_SOURCES = tests/unit/test_plan.c $(core_kit)
tests_unit_test_plan_LDADD = $(core_libs)

check_PROGRAMS += tests/unit/test_renew
TESTS += tests/unit/test_renew
tests_unit_test_renew_SOURCES = tests/unit/test_renew.c $(core_kit)
tests_unit_test_renew_LDADD = $(core_libs)

check_PROGRAMS += tests/unit/test_safety
TESTS += tests/unit/test_safety
tests_unit_test_safety_SOURCES = tests/unit/test_safety.c $(core_kit)
tests_unit_test_safety_LDADD = $(core_libs)

check_PROGRAMS += tests/unit/test_safety_rollback
TESTS += tests/unit/test_safety_rollback
tests_unit_test_safety_rollback_SOURCES = tests/unit/test_safety_rollback.c $(core_kit)
tests_unit_test_safety_rollback_LDADD = $(core_libs)

check_PROGRAMS += tests/unit/test_safety_switch
TESTS += tests/unit/test_safety_switch
tests_unit_test_safety_switch_SOURCES = tests/unit/test_safety_switch.c $(core_kit)
tests_unit_test_safety_switch_LDADD = $(core_libs)

check_PROGRAMS += tests/unit/test_plan_special
TESTS += tests/unit/test_plan_special
tests_unit_test_plan_special_SOURCES = tests/unit/test_plan_special.c $(core_kit)
tests_unit_test_plan_special_LDADD = $(core_libs)

check_PROGRAMS += tests/unit/test_plan_types
TESTS += tests/unit/test_plan_types
tests_unit_test_plan_types_SOURCES = tests/unit/test_plan_types.c $(core_kit)
tests_unit_test_plan_types_LDADD = $(core_libs)

# Holds the configuration's count against the core's.
check_PROGRAMS += tests/unit/test_peak
TESTS += tests/unit/test_peak
tests_unit_test_peak_SOURCES = tests/unit/test_peak.c
tests_unit_test_peak_LDADD = librconf.a librcore.a librbase.a $(CONFUSE_LIBS) $(CMOCKA_LIBS)

EXTRA_DIST += rollover/core/README.md

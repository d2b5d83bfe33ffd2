# SPDX-License-Identifier: BSD-2-Clause
# Scenarios in simulated time.

check_PROGRAMS += tests/scenarios/run
tests_scenarios_run_SOURCES = \
    tests/scenarios/conditions.c tests/scenarios/conditions.h \
    tests/scenarios/config.c \
    tests/scenarios/enginecmd.c \
    tests/scenarios/expect.c \
    tests/scenarios/oracle.c tests/scenarios/oracle.h \
    tests/scenarios/run.c \
    tests/scenarios/script.c tests/scenarios/script.h \
    tests/scenarios/shell.c tests/scenarios/shell.h \
    tests/scenarios/shell_act.c \
    tests/scenarios/shell_dns.c \
    tests/scenarios/shell_file.c \
    tests/scenarios/sim.c tests/scenarios/sim.h \
    tests/scenarios/things.c tests/scenarios/things.h \
    tests/scenarios/world.c tests/scenarios/world.h \
    tests/scenarios/worldcmd.c
tests_scenarios_run_LDADD = librcore.a

dist_check_SCRIPTS += tests/scenarios/t_scenarios.sh tests/scenarios/t_random.sh
TESTS += tests/scenarios/t_scenarios.sh tests/scenarios/t_random.sh
EXTRA_DIST += tests/scenarios/README.md tests/scenarios/random.awk tests/scenarios/pass tests/scenarios/fail

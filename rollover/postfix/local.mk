# SPDX-License-Identifier: BSD-2-Clause
# librpostfix.a: parameters, chain file, reload, verification.
noinst_LIBRARIES += librpostfix.a
librpostfix_a_SOURCES = \
    rollover/postfix/chainfile.c rollover/postfix/chainfile.h \
    rollover/postfix/deploy.c rollover/postfix/deploy.h \
    rollover/postfix/folder.c rollover/postfix/folder.h \
    rollover/postfix/params.c rollover/postfix/params.h \
    rollover/postfix/procs.c rollover/postfix/procs.h \
    rollover/postfix/run.c rollover/postfix/run.h \
    rollover/postfix/services.c rollover/postfix/services.h \
    rollover/postfix/snimaps.c rollover/postfix/snimaps.h

dm_postfix_tests = \
    tests/unit/test_postfix_chainfile tests/unit/test_postfix_deploy \
    tests/unit/test_postfix_faults tests/unit/test_postfix_procs tests/unit/test_postfix_run \
    tests/unit/test_postfix_services
check_PROGRAMS += $(dm_postfix_tests)
TESTS += $(dm_postfix_tests)
dm_scratch = tests/unit/scratch.c tests/unit/scratch.h
dm_chains = tests/unit/chains.c tests/unit/chains.h $(dm_pki) $(dm_scratch)
dm_postfix_libs = librpostfix.a $(dm_crypto_libs)
tests_unit_test_postfix_chainfile_SOURCES = tests/unit/test_postfix_chainfile.c $(dm_chains)
tests_unit_test_postfix_chainfile_LDADD = $(dm_postfix_libs)
tests_unit_test_postfix_deploy_SOURCES = tests/unit/test_postfix_deploy.c $(dm_scratch)
tests_unit_test_postfix_deploy_LDADD = $(dm_postfix_libs)
tests_unit_test_postfix_procs_SOURCES = tests/unit/test_postfix_procs.c $(dm_scratch)
tests_unit_test_postfix_procs_LDADD = $(dm_postfix_libs)
tests_unit_test_postfix_services_SOURCES = tests/unit/test_postfix_services.c $(dm_scratch)
tests_unit_test_postfix_services_LDADD = $(dm_postfix_libs)
tests_unit_test_postfix_run_SOURCES = tests/unit/test_postfix_run.c $(dm_scratch)
tests_unit_test_postfix_run_LDADD = $(dm_postfix_libs)

# Faults are injected at link time: a preloaded library does not get along with sanitizers.
tests_unit_test_postfix_faults_SOURCES = tests/unit/test_postfix_faults.c $(dm_chains)
tests_unit_test_postfix_faults_LDADD = $(dm_postfix_libs)
tests_unit_test_postfix_faults_LDFLAGS = $(AM_LDFLAGS) \
    -Wl,--wrap=openat,--wrap=fstat,--wrap=fstatat,--wrap=read,--wrap=write,--wrap=fsync \
    -Wl,--wrap=fchmod,--wrap=linkat,--wrap=renameat,--wrap=unlinkat,--wrap=close

# The port driven by hand, and against a real Postfix.
check_PROGRAMS += tests/postfix/deployctl
tests_postfix_deployctl_SOURCES = tests/postfix/deployctl.c
tests_postfix_deployctl_LDADD = librpostfix.a librcrypto.a librbase.a $(OPENSSL_LIBS)
dist_check_SCRIPTS += tests/world/t_deploy.sh tests/world/t_tls_services.sh
TESTS += tests/world/t_deploy.sh tests/world/t_tls_services.sh

# SPDX-License-Identifier: BSD-2-Clause
# The mail world: scripts and the tests that run in it (as root; else they say "skipped").
dist_noinst_SCRIPTS += tests/world/world tests/world/root tests/world/in-root tests/world/ns-init \
    tests/world/inside/up tests/world/inside/ctl tests/world/inside/follower \
    tests/world/suite-build
EXTRA_DIST += tests/world/README.md tests/world/packages tests/world/lib.sh tests/world/host.sh \
    tests/world/testlib.sh tests/world/far.sh tests/world/deb822.awk tests/world/inside/config.sh \
    tests/world/inside/service.sh tests/world/inside/dns.sh tests/world/inside/mail.sh \
    tests/world/inside/secondary.sh tests/world/inside/verdict.awk \
    tests/world/inside/validated.awk

WORLD_TESTS = tests/world/t_root.sh tests/world/t_world_up.sh tests/world/t_world_secondary.sh \
    tests/world/t_world_two.sh tests/world/t_host_untouched.sh tests/world/t_faults.sh \
    tests/world/t_acme_faults.sh tests/world/t_install.sh tests/world/t_guard.sh \
    tests/world/t_sessions.sh tests/world/t_reload.sh tests/world/t_lifecycle.sh \
    tests/world/t_load.sh tests/world/t_story.sh tests/world/t_unit.sh
dist_check_SCRIPTS += $(WORLD_TESTS)
TESTS += $(WORLD_TESTS)

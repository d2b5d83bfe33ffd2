# SPDX-License-Identifier: BSD-2-Clause
# Build helpers, the static checks ("make lint") and the tests that show each check alive.

dm_checks = \
    autotools/checks/analyzer autotools/checks/banned autotools/checks/cppcheck \
    autotools/checks/format autotools/checks/layering autotools/checks/lint autotools/checks/manuals \
    autotools/checks/scripts autotools/checks/seeds autotools/checks/sizes autotools/checks/spdx \
    autotools/checks/symbols autotools/checks/tidy

dist_noinst_SCRIPTS += autotools/bootstrap autotools/run-test autotools/setup autotools/lib/in-use \
    autotools/lib/summary $(dm_checks) .ci/run
EXTRA_DIST += autotools/no-cmocka/cmocka.h autotools/checks/common.sh autotools/checks/layering.awk \
    autotools/checks/scanf.awk autotools/checks/strip.awk autotools/checks/symbols.allow \
    autotools/lib/packages autotools/lib/install.sh .clang-format .clang-tidy README

dm_check_tests = \
    tests/checks/test-banned.sh tests/checks/test-layering.sh tests/checks/test-lint.sh \
    tests/checks/test-setup.sh tests/checks/test-sizes.sh tests/checks/test-spdx.sh \
    tests/checks/test-symbols.sh
dist_check_SCRIPTS += $(dm_check_tests) tests/checks/test-tools.sh
EXTRA_DIST += tests/checks/seed.sh

# The fast checks are tests as well.
TESTS += $(dm_check_tests) autotools/checks/banned autotools/checks/layering \
    autotools/checks/sizes autotools/checks/spdx autotools/checks/symbols

lint: all
	DANEMILTER_BUILD='$(abs_top_builddir)' DANEMILTER_SANITIZER='$(DM_SANITIZER)' \
	    '$(abs_top_srcdir)/autotools/checks/lint' '$(abs_top_srcdir)'
PHONY_TARGETS += lint

# The tests that are programs, without the scripts: for builds under a sanitizer, whose world of
# mail would only be the same again, slower.
check-programs:
	$(MAKE) $(AM_MAKEFLAGS) check TESTS='$(filter $(check_PROGRAMS),$(TESTS))'
PHONY_TARGETS += check-programs

# Of those, the ones that make threads: the others have nothing to show to -fsanitize=thread.
check-threads: $(check_PROGRAMS)
	$(MAKE) $(AM_MAKEFLAGS) check TESTS="$$(for program in $(filter $(check_PROGRAMS),$(TESTS)); do \
	    if nm -u $$program | grep ' pthread_create' >/dev/null; then echo $$program; fi; done)"
PHONY_TARGETS += check-threads

# master(8) starts programs of its own folder only, and "postfix check" warns of links there. By a
# rename, because a running danemilter may be started anew at any moment.
install-exec-hook:
	@if test -n '$(daemon_directory)'; then \
	    set -x; \
	    $(MKDIR_P) '$(DESTDIR)$(daemon_directory)' && \
	    $(INSTALL_PROGRAM) '$(DESTDIR)$(sbindir)/danemilter' '$(DESTDIR)$(daemon_directory)/danemilter.new' && \
	    mv -f '$(DESTDIR)$(daemon_directory)/danemilter.new' '$(DESTDIR)$(daemon_directory)/danemilter'; \
	fi

# Nobody would renew what published records name, so uninstalling is refused as long as Postfix or
# DNS needs us (safety.md); "make uninstall FORCE=yes" and installations below a DESTDIR are not
# asked. automake has no hook that runs before; so each of its targets that removes anything waits
# for this one. The list stands in a variable, because automake would take targets of these names
# for replacements of its own. tests/world/t_life.sh looks whether one is missing.
DM_UNINSTALL_TARGETS = uninstall-binPROGRAMS uninstall-sbinPROGRAMS uninstall-dist_docDATA \
    uninstall-man5 uninstall-man8 uninstall-pkgdataDATA
$(DM_UNINSTALL_TARGETS): uninstall-asked

uninstall-asked:
	@test -n '$(DESTDIR)' || test '$(FORCE)' = yes || \
	    reason=`'$(top_srcdir)/autotools/lib/in-use' '$(bindir)/danectl'` || \
	    { echo "make uninstall: refused: $$reason (FORCE=yes goes on without)" >&2; exit 1; }
PHONY_TARGETS += uninstall-asked

uninstall-hook:
	@if test -n '$(daemon_directory)'; then \
	    set -x; rm -f '$(DESTDIR)$(daemon_directory)/danemilter'; \
	fi
PHONY_TARGETS += install-exec-hook uninstall-hook

AM_DISTCHECK_CONFIGURE_FLAGS = --without-daemon-directory

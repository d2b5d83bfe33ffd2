dnl SPDX-License-Identifier: BSD-2-Clause

dnl DM_LIB_UNBOUND: Debian's libunbound.pc asks for libevent's development files, which we do
dnl not need; so header and library are looked for. Sets UNBOUND_LIBS and UNBOUND_CFLAGS.
AC_DEFUN([DM_LIB_UNBOUND], [
    AC_ARG_VAR([UNBOUND_CFLAGS], [compiler flags for libunbound])
    AC_ARG_VAR([UNBOUND_LIBS], [linker flags for libunbound])
    AS_IF([test -z "$UNBOUND_LIBS"], [
        AC_CHECK_HEADER([unbound.h], [],
            [AC_MSG_ERROR([unbound.h is missing; on Debian install libunbound-dev])])
        dm_saved_LIBS=$LIBS
        LIBS=
        AC_SEARCH_LIBS([ub_ctx_set_stub], [unbound], [UNBOUND_LIBS=$LIBS],
            [AC_MSG_ERROR([libunbound does not link; on Debian install libunbound-dev])])
        LIBS=$dm_saved_LIBS
    ])
])

dnl DM_LIB_MILTER: libmilter has no pkg-config file. Sets MILTER_LIBS.
AC_DEFUN([DM_LIB_MILTER], [
    AC_CHECK_HEADER([libmilter/mfapi.h], [],
        [AC_MSG_ERROR([libmilter/mfapi.h is missing; on Debian install libmilter-dev])])
    dm_saved_LIBS=$LIBS
    LIBS=
    AC_SEARCH_LIBS([smfi_setconn], [milter], [MILTER_LIBS=$LIBS],
        [AC_MSG_ERROR([libmilter does not link; on Debian install libmilter-dev])], [-lpthread])
    LIBS=$dm_saved_LIBS
    AC_SUBST([MILTER_LIBS])
])

dnl DM_PTHREAD: sets PTHREAD_CFLAGS, which Makefile.am puts into every compilation and link.
AC_DEFUN([DM_PTHREAD], [
    dm_saved_CFLAGS=$CFLAGS
    CFLAGS="$CFLAGS -pthread"
    AC_MSG_CHECKING([for POSIX threads])
    AC_LINK_IFELSE([AC_LANG_PROGRAM([[#include <pthread.h>
static void *run(void *arg) { return arg; }]],
        [[pthread_t t; return pthread_create(&t, 0, run, 0);]])],
        [AC_MSG_RESULT([-pthread])],
        [AC_MSG_RESULT([no]); AC_MSG_ERROR([no POSIX threads])])
    CFLAGS=$dm_saved_CFLAGS
    AC_SUBST([PTHREAD_CFLAGS], [-pthread])
])

dnl DM_SYSTEM_CALLS: what lies outside POSIX.1-2008, as HAVE_... in config.h. A source that
dnl uses one of these defines _GNU_SOURCE before its first include.
AC_DEFUN([DM_SYSTEM_CALLS], [
    AC_CHECK_FUNCS([explicit_bzero getrandom pidfd_open close_range closefrom])
    AC_CHECK_FUNCS([prctl renameat2 statx initgroups setgroups memfd_create])
    AC_CHECK_HEADERS([sys/random.h sys/prctl.h sys/pidfd.h])
    AC_CHECK_DECLS([SO_PEERCRED, CLOCK_BOOTTIME, PR_SET_PDEATHSIG, SYS_pidfd_open], [], [], [[
#define _GNU_SOURCE 1
#include <sys/types.h>
#include <sys/socket.h>
#include <time.h>
#ifdef HAVE_SYS_PRCTL_H
#include <sys/prctl.h>
#endif
#include <sys/syscall.h>
]])
])

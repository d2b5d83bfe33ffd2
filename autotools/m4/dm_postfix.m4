dnl SPDX-License-Identifier: BSD-2-Clause
dnl DM_POSTFIX: daemon_directory, the folder from which Postfix's master(8) starts programs. The
dnl program has to be there as a real file (no link), beside the one in sbindir. Postfix is asked
dnl if it is here; empty: nothing is installed there.
AC_DEFUN([DM_POSTFIX], [
    AC_ARG_WITH([daemon-directory],
        [AS_HELP_STRING([--with-daemon-directory=DIR],
            [Postfix's daemon_directory: make install puts danemilter there too (default: postconf is asked)])],
        [dm_daemon_directory=$withval], [dm_daemon_directory=yes])
    AS_IF([test "x$dm_daemon_directory" = xyes], [
        AC_PATH_PROG([POSTCONF], [postconf], [], [$PATH:/usr/sbin:/usr/local/sbin])
        dm_daemon_directory=
        AS_IF([test -n "$POSTCONF"],
            [dm_daemon_directory=`$POSTCONF -hx daemon_directory 2>/dev/null`])
    ])
    AS_CASE(["$dm_daemon_directory"],
        [no], [dm_daemon_directory=],
        [''|/*], [],
        [AC_MSG_ERROR([--with-daemon-directory takes an absolute path, not $dm_daemon_directory])])
    AC_SUBST([daemon_directory], [$dm_daemon_directory])
])

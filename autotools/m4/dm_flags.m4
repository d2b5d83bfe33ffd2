dnl SPDX-License-Identifier: BSD-2-Clause

dnl DM_TRY_CFLAG(variable, flag, [other flags for the test]): appends the flag to the
dnl variable when the compiler and the linker take it without a warning.
AC_DEFUN([DM_TRY_CFLAG], [
    dm_saved_CFLAGS=$CFLAGS
    CFLAGS="$CFLAGS $3 $2 -Werror"
    AC_MSG_CHECKING([whether $CC takes $2])
    AC_LINK_IFELSE([AC_LANG_PROGRAM([[extern int dm_used; int dm_used = 1;]], [[return dm_used == 2;]])],
        [AC_MSG_RESULT([yes]); $1="$$1 $2"], [AC_MSG_RESULT([no])])
    CFLAGS=$dm_saved_CFLAGS
])

dnl DM_STANDARD_FLAGS: the language, and nothing of the system beyond POSIX.1-2008.
AC_DEFUN([DM_STANDARD_FLAGS], [
    AC_SUBST([DM_STD_CPPFLAGS], ["-D_POSIX_C_SOURCE=200809L"])
    AC_SUBST([DM_STD_CFLAGS], ["-std=c11"])
])

dnl DM_WARNINGS: all of these are errors unless --disable-werror is given. The list is not
dnl probed flag by flag: gcc 12 and 14 and clang 14 know every one of them. Under a sanitizer they
dnl are reported only, unless --enable-werror is given: gcc's manual advises against the two
dnl together, because the added code causes false alarms.
AC_DEFUN([DM_WARNINGS], [
    AC_REQUIRE([DM_SANITIZER])
    AC_ARG_ENABLE([werror],
        [AS_HELP_STRING([--disable-werror], [warnings do not stop the build (for packagers)])],
        [], [AS_IF([test "$dm_sanitizer" = no], [enable_werror=yes], [enable_werror=no])])
    DM_WARN_CFLAGS="-Wall -Wextra -Wshadow -Wconversion -Wformat=2 -Wstrict-prototypes"
    DM_WARN_CFLAGS="$DM_WARN_CFLAGS -Wmissing-prototypes -Wvla -Wundef -Wcast-qual -Wwrite-strings"
    DM_WERROR=
    AS_IF([test "$enable_werror" != no], [DM_WERROR=-Werror])
    AC_SUBST([DM_WARN_CFLAGS])
    AC_SUBST([DM_WERROR])
])

dnl DM_SANITIZER: --enable-sanitizer=address,undefined or =thread.
AC_DEFUN([DM_SANITIZER], [
    AC_ARG_ENABLE([sanitizer],
        [AS_HELP_STRING([--enable-sanitizer=LIST],
            [build with -fsanitize=LIST: address,undefined or thread])],
        [], [enable_sanitizer=no])
    dm_sanitizer=$enable_sanitizer
    DM_SANITIZER_CFLAGS=
    AS_CASE([$enable_sanitizer],
        [no], [],
        [yes], [AC_MSG_ERROR([say which: --enable-sanitizer=address,undefined or --enable-sanitizer=thread])],
        [address,undefined|undefined,address|address|undefined|thread], [
            DM_TRY_CFLAG([DM_SANITIZER_CFLAGS], [-fsanitize=$enable_sanitizer])
            AS_IF([test -z "$DM_SANITIZER_CFLAGS"],
                [AC_MSG_ERROR([$CC cannot build with -fsanitize=$enable_sanitizer])])
            DM_SANITIZER_CFLAGS="$DM_SANITIZER_CFLAGS -fno-sanitize-recover=all -fno-omit-frame-pointer"
            AC_DEFINE([DM_SANITIZED], [1], [Built with a sanitizer: tests may not measure memory or time])
        ],
        [AC_MSG_ERROR([unknown sanitizer "$enable_sanitizer": address,undefined or thread])])
    AC_SUBST([DM_SANITIZER_CFLAGS])
    AC_SUBST([DM_SANITIZER], [$dm_sanitizer])
])

dnl DM_HARDENING: on by default. _FORTIFY_SOURCE needs optimisation, and is left out under a
dnl sanitizer, whose interceptors replace the checked calls.
AC_DEFUN([DM_HARDENING], [
    AC_REQUIRE([DM_SANITIZER])
    AC_ARG_ENABLE([hardening],
        [AS_HELP_STRING([--disable-hardening], [no fortify, stack protector, PIE and relro])],
        [], [enable_hardening=yes])
    DM_HARD_CPPFLAGS=
    DM_HARD_CFLAGS=
    DM_HARD_LDFLAGS=
    AS_IF([test "$enable_hardening" != no], [
        AS_IF([test "$dm_sanitizer" = no], [
            AS_CASE([" $CFLAGS "],
                [*" -O0 "*], [],
                [*" -O"*], [DM_HARD_CPPFLAGS="-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2"])
            DM_TRY_CFLAG([DM_HARD_CFLAGS], [-fstack-clash-protection])
        ])
        DM_TRY_CFLAG([DM_HARD_CFLAGS], [-fstack-protector-strong])
        dm_pie=
        DM_TRY_CFLAG([dm_pie], [-pie], [-fPIE])
        AS_IF([test -n "$dm_pie"], [
            DM_HARD_CFLAGS="$DM_HARD_CFLAGS -fPIE"
            DM_HARD_LDFLAGS="$DM_HARD_LDFLAGS -pie"
        ])
        DM_TRY_CFLAG([DM_HARD_LDFLAGS], [-Wl,-z,relro])
        DM_TRY_CFLAG([DM_HARD_LDFLAGS], [-Wl,-z,now])
        DM_TRY_CFLAG([DM_HARD_LDFLAGS], [-Wl,-z,noexecstack])
    ])
    AC_SUBST([DM_HARD_CPPFLAGS])
    AC_SUBST([DM_HARD_CFLAGS])
    AC_SUBST([DM_HARD_LDFLAGS])
])
